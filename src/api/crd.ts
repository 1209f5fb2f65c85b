import { stringify } from 'yaml';
import { GROUP, KIND, PLURAL, SHORT_NAME, SINGULAR, VERSION } from './names.ts';
import { structuralSchema } from './structuralSchema.ts';

/** The CustomResourceDefinition (apiextensions.k8s.io/v1) of GracefulRollout; Kubernetes 1.33 and newer accept it. */
export function customResourceDefinition(): Readonly<Record<string, unknown>> {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${PLURAL}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: { kind: KIND, listKind: `${KIND}List`, plural: PLURAL, singular: SINGULAR, shortNames: [SHORT_NAME] },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: [
            column('Target', '.spec.targetRef.name', 'The Deployment that is protected.'),
            column('Phase', '.status.phase', 'How far the contract is.'),
            column('Contract', '.status.contractSummary', 'What the target is held to.'),
            column('Held-By', '.status.heldBy', 'What the rollout of the target waits for.'),
            { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
            { ...column('Mode', '.spec.mode', 'Enforce or Audit.'), priority: 1 },
            { ...column('Gate', '.spec.endpointCheck.mode', 'Gate, Observe or Off.'), priority: 1 },
            {
              ...column('Message', '.status.conditions[?(@.type=="Ready")].message', 'Why it is ready or not.'),
              priority: 1,
            },
          ],
          schema: { openAPIV3Schema: structuralSchema() },
        },
      ],
    },
  };
}

function column(name: string, jsonPath: string, description: string) {
  return { name, type: 'string', jsonPath, description };
}

/** The CRD as the YAML file that is committed. */
export function crdYaml(): string {
  const header = '# Generated from src/api by `npm run generate`: do not edit.\n';
  // kubectl and Helm read YAML 1.1, where a plain Off, No or Yes is a boolean: such words are quoted.
  const options = { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false } as const;
  return header + stringify(customResourceDefinition(), options);
}
