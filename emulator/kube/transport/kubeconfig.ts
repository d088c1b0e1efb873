import { stringify } from 'yaml'

export interface KubeconfigParts {
  readonly server: string
  readonly caPem: string
  readonly user: string
  readonly token: string
  readonly namespace: string
}

/** A kubeconfig with one context, as YAML. */
export function kubeconfigText(parts: KubeconfigParts): string {
  const name = 'emulator'
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [
      {
        name,
        cluster: {
          server: parts.server,
          'certificate-authority-data': Buffer.from(parts.caPem).toString('base64'),
        },
      },
    ],
    users: [{ name: parts.user, user: { token: parts.token } }],
    contexts: [{ name, context: { cluster: name, user: parts.user, namespace: parts.namespace } }],
  })
}
