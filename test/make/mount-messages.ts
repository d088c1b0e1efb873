import type { MountMessage } from '../../src/keyvault/request/mount-request.ts'

const POD_KEYS: Readonly<Record<string, string>> = {
  'csi.storage.k8s.io/pod.name': 'web-0',
  'csi.storage.k8s.io/pod.namespace': 'shop',
  'csi.storage.k8s.io/pod.uid': '0b5a5a6c-6a3c-4a55-9a0f-0d9f3d1e2c11',
  'csi.storage.k8s.io/serviceAccount.name': 'web',
  'csi.storage.k8s.io/ephemeral': 'true',
  secretProviderClass: 'web-secrets',
}

export const TENANT_ID = '11111111-2222-3333-4444-555555555555'
export const CLIENT_ID = '5a0b0c0d-1111-2222-3333-444444444444'

/** A class that logs in by pod identity and mounts the secret `db`. */
const CLASS: Readonly<Record<string, string>> = {
  keyvaultName: 'shop-vault',
  tenantID: TENANT_ID,
  usePodIdentity: 'true',
  objects: 'array:\n  - |\n    objectName: db\n    objectType: secret\n',
}

/** The strings of a MountRequest; a parameter that is undefined is left out. */
export function mountMessage(
  parameters: Readonly<Record<string, string | undefined>> = {},
  rest: Partial<MountMessage> & { readonly secretTexts?: Readonly<Record<string, string>> } = {},
): MountMessage {
  const { secretTexts, ...strings } = rest
  return {
    attributes: JSON.stringify({ ...CLASS, ...POD_KEYS, ...parameters }),
    secrets: secretTexts === undefined ? 'null' : JSON.stringify(secretTexts),
    targetPath: '/var/lib/kubelet/pods/0b5a5a6c/volumes/kubernetes.io~csi/secrets/mount',
    permission: '420',
    ...strings,
  }
}

/** The JSON of `csi.storage.k8s.io/serviceAccount.tokens`. */
export function serviceAccountTokens(tokens: Readonly<Record<string, string>>): string {
  const entries = Object.entries(tokens).map(([audience, token]) => [
    audience,
    { token, expirationTimestamp: '2026-01-01T00:00:00Z' },
  ])
  return JSON.stringify(Object.fromEntries(entries))
}

export const TOKENS_KEY = 'csi.storage.k8s.io/serviceAccount.tokens'
