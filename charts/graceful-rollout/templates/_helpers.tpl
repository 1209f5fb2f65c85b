{{- define "graceful-rollout.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- /* Name of every object. 40 characters: the longest suffix and a Service's limit of 63 leave room. */ -}}
{{- define "graceful-rollout.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "graceful-rollout.webhookName" -}}
{{- include "graceful-rollout.fullname" . }}-webhook
{{- end -}}

{{- define "graceful-rollout.webhookSecretName" -}}
{{- include "graceful-rollout.fullname" . }}-webhook-tls
{{- end -}}

{{- define "graceful-rollout.gateName" -}}
{{- include "graceful-rollout.fullname" . }}-gate
{{- end -}}

{{- define "graceful-rollout.warningsName" -}}
{{- include "graceful-rollout.fullname" . }}-warnings
{{- end -}}

{{- define "graceful-rollout.barrierName" -}}
{{- include "graceful-rollout.fullname" . }}-barrier
{{- end -}}

{{- /* Which deletions of pods are the gate's business, whoever asks. */ -}}
{{- define "graceful-rollout.gateConditions" -}}
# Pods of Deployments only. One that is being drained belongs to its Deployment directly.
- name: of-a-deployment
  expression: >-
    has(oldObject.metadata.ownerReferences) && oldObject.metadata.ownerReferences.exists(owner,
    has(owner.controller) && owner.controller && owner.apiVersion.startsWith('apps/') &&
    owner.kind in ['ReplicaSet', 'Deployment'])
- name: not-terminating
  expression: "!has(oldObject.metadata.deletionTimestamp)"
- name: not-a-dry-run
  expression: "!(has(request.dryRun) && request.dryRun)"
{{- end -}}

{{- define "graceful-rollout.serviceAccountName" -}}
{{- default (include "graceful-rollout.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "graceful-rollout.selectorLabels" -}}
app.kubernetes.io/name: {{ include "graceful-rollout.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "graceful-rollout.labels" -}}
{{- with .Values.commonLabels }}
{{- toYaml . }}
{{ end -}}
{{ include "graceful-rollout.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "graceful-rollout.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- /* What the schema cannot say: conditions between two values. */ -}}
{{- define "graceful-rollout.checkValues" -}}
{{- $least := add .Values.preStopSleepSeconds 25 -}}
{{- if lt (int .Values.terminationGracePeriodSeconds) (int $least) -}}
{{- fail (printf "terminationGracePeriodSeconds: %v is too short: preStopSleepSeconds %v + 25 s for the operator's own shutdown need at least %v" .Values.terminationGracePeriodSeconds .Values.preStopSleepSeconds $least) -}}
{{- end -}}
{{- if and (not .Values.serviceAccount.create) (not .Values.serviceAccount.name) -}}
{{- fail "serviceAccount.create is false and serviceAccount.name is empty: name the ServiceAccount that the operator is to use" -}}
{{- end -}}
{{- end -}}
