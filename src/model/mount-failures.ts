/**
 * Every reason podid has for not filling a volume from Key Vault: one closed list. The error that kubelet shows,
 * the log field, the metric label and docs/errors.md speak these codes.
 */

/** Who can mend it. */
export type MountBlame = 'class' | 'identity' | 'vault' | 'cluster' | 'podid'

export interface MountFailureSpec {
  readonly blame: MountBlame
  /** True when it passes by itself: kubelet asks again anyway, and nothing has to be changed. */
  readonly passes: boolean
  /** One sentence for docs/errors.md: what happened. */
  readonly meaning: string
  /** What to do about it; kubelet's event and the log carry it behind the particular message. */
  readonly remedy: string
}

export const MOUNT_FAILURES = {
  'request-unreadable': {
    blame: 'cluster',
    passes: false,
    meaning: 'The CSI driver sent attributes, secrets or a permission that cannot be read.',
    remedy: 'Check that driver and provider are of versions that fit each other',
  },
  'pod-info-missing': {
    blame: 'cluster',
    passes: false,
    meaning: 'The CSI driver did not say for which pod the volume is.',
    remedy: 'Deploy the CSIDriver object with podInfoOnMount: true',
  },
  'parameter-invalid': {
    blame: 'class',
    passes: false,
    meaning:
      'A parameter of the SecretProviderClass, or a volume attribute that overrides it, cannot be used.',
    remedy: 'Mend the named parameter; it is read again at the next try',
  },
  'identity-mode-conflict': {
    blame: 'class',
    passes: false,
    meaning: 'The SecretProviderClass asks for more than one way to log in.',
    remedy: 'Keep exactly one of usePodIdentity, useVMManagedIdentity, clientID or nodePublishSecretRef',
  },
  'identity-mode-missing': {
    blame: 'class',
    passes: false,
    meaning: 'The SecretProviderClass says no way to log in, or lacks the credentials of the one it says.',
    remedy: 'Set usePodIdentity, useVMManagedIdentity or clientID, or name a Secret in nodePublishSecretRef',
  },
  'service-account-token-missing': {
    blame: 'cluster',
    passes: false,
    meaning: 'The CSI driver sent no service-account token for the audience of workload identity.',
    remedy: 'Add that audience to spec.tokenRequests of the CSIDriver secrets-store.csi.k8s.io',
  },
  'objects-invalid': {
    blame: 'class',
    passes: false,
    meaning: 'The objects of the SecretProviderClass cannot be read, are none, or one of them breaks a rule.',
    remedy: 'Mend the named field of objects',
  },
  'identity-refused': {
    blame: 'identity',
    passes: false,
    meaning: 'The identity of the pod got no token for Key Vault; the message holds the reason.',
    remedy: 'Mend what the message names; kubelet tries again by itself',
  },
  'identity-unavailable': {
    blame: 'identity',
    passes: true,
    meaning:
      'The token for Key Vault could not be got now: the identity is still being assigned, or what gives it does not answer.',
    remedy: 'Wait; kubelet tries again by itself',
  },
  'vault-unauthorized': {
    blame: 'identity',
    passes: false,
    meaning: 'Key Vault does not accept the token: it comes from another tenant or is for another audience.',
    remedy:
      'Where the message says that they differ, make tenantID and cloudName those of the vault; otherwise wait for the next token',
  },
  'vault-forbidden': {
    blame: 'identity',
    passes: false,
    meaning: 'The identity may not read the object in the vault.',
    remedy: 'Give it the role or access policy with the command of the message; it works within minutes',
  },
  'vault-firewall': {
    blame: 'vault',
    passes: false,
    meaning: 'The firewall of the vault refuses the address of the provider.',
    remedy:
      "Allow the subnet of the provider's pod (the node's with hostNetwork) in the vault's network rules, or use a private endpoint",
  },
  'object-not-found': {
    blame: 'vault',
    passes: false,
    meaning: 'The vault has no such object, or not that version of it.',
    remedy: 'Create it or mend objectName and objectVersion; mark it optional: true when it may be missing',
  },
  'object-disabled': {
    blame: 'vault',
    passes: false,
    meaning: 'The object is disabled, expired or not valid yet.',
    remedy: 'Enable the version in the vault, or name another one',
  },
  'object-unusable': {
    blame: 'vault',
    passes: false,
    meaning: 'The object was read and cannot be turned into the file that was asked for.',
    remedy: 'Mend objectFormat or objectEncoding, or what the vault holds',
  },
  'vault-throttled': {
    blame: 'vault',
    passes: true,
    meaning:
      'Key Vault limits the requests, and podid waits as long as it is told, for all pods of the node; or the node itself has too much to read, which the message says.',
    remedy: 'Wait; when it stays, spread objects over vaults or poll less often',
  },
  'vault-unavailable': {
    blame: 'vault',
    passes: true,
    meaning: 'Key Vault did not answer, or answered with a fault or something that cannot be read.',
    remedy: 'Wait; when it stays, check name, DNS, private endpoint and egress from the node to the vault',
  },
  'answer-too-large': {
    blame: 'class',
    passes: false,
    meaning: 'The files are together larger than the CSI driver takes.',
    remedy:
      'Split the objects over several SecretProviderClasses, or raise --max-answer-bytes with the limit of the driver',
  },
  'out-of-time': {
    blame: 'vault',
    passes: true,
    meaning: 'The mount took longer than kubelet waits; the message names the step that was under way.',
    remedy: 'Wait; when it stays, check the connection to what the message names',
  },
  'provider-busy': {
    blame: 'podid',
    passes: true,
    meaning: 'The provider has as many mounts under way as it takes.',
    remedy: 'Wait; kubelet tries again by itself',
  },
  'internal-error': {
    blame: 'podid',
    passes: false,
    meaning: 'A fault in podid; the log of the provider has the details.',
    remedy: 'Report it with the log line of the mount',
  },
} as const satisfies Readonly<Record<string, MountFailureSpec>>

export type MountFailureCode = keyof typeof MOUNT_FAILURES
