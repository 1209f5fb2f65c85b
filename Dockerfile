# The operator's image: Node, one bundled file, the shared libraries Node needs. No shell, not root, nothing written.
#
#   buildah build -t graceful-rollout:dev .          (or docker build, podman build)
#
# BUILDER_IMAGE  any image with Node 24 (22.18 or newer runs the build scripts), npm and a shell. The Node in it
#                becomes the runtime's.
# RUNTIME_IMAGE  the base of the result. `scratch` is enough; any base with a merged /usr will do.
# Secret `ca`    optional: a PEM bundle that npm is to trust during the build (a registry mirror, an inspecting
#                proxy). It is mounted for that one command and is not in the image.
ARG BUILDER_IMAGE=node:24-bookworm-slim
ARG RUNTIME_IMAGE=scratch

FROM ${BUILDER_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
# No install script of a dependency runs here: the build needs none of them.
RUN --mount=type=secret,id=ca,required=false \
    if [ -f /run/secrets/ca ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca; fi; \
    npm ci --ignore-scripts --no-audit
COPY tsconfig.json ./
COPY scripts/build.ts scripts/imageRoot.ts ./scripts/
COPY src ./src
RUN npm run build
RUN node --report-exclude-network scripts/imageRoot.ts dist/operator.mjs /image

FROM ${RUNTIME_IMAGE}
LABEL org.opencontainers.image.title="graceful-rollout" \
      org.opencontainers.image.description="Kubernetes operator for lossless rolling updates" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image/ /
ENV NODE_ENV=production
# A number, so that the kubelet can check runAsNonRoot.
USER 65532:65532
WORKDIR /
EXPOSE 8443 8080
ENTRYPOINT ["/usr/bin/node", "/app/operator.mjs"]
