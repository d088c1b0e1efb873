/**
 * Every reason podid has for not answering with a token: one closed list. NMI's reply, MIC's Event
 * reason, the metric label, the log field, `podid explain` and docs/errors.md all speak these codes.
 */

/** Who can mend it: decides the metric's `blame` label and where docs/errors.md lists the code. */
export type Blame = 'request' | 'caller' | 'configuration' | 'assignment' | 'upstream' | 'podid'

export interface RefusalSpec {
  readonly blame: Blame
  /** HTTP status for the caller, chosen from what each SDK does with it (docs/errors.md). */
  readonly status: number
  /** What AAD Pod Identity 1.8 answered for the same cause; `--legacy-status-codes` sends it again. */
  readonly legacyStatus: number
  /** Seconds for `Retry-After`; present exactly on causes that pass by themselves. */
  readonly retryAfterSeconds?: number
  /** The `error` field of the IMDS error body. */
  readonly imdsError:
    | 'invalid_request'
    | 'invalid_resource'
    | 'access_denied'
    | 'temporarily_unavailable'
    | 'server_error'
  /** Reason of the Kubernetes Event, CamelCase. */
  readonly eventReason: string
  /** One sentence for docs/errors.md: what happened. */
  readonly meaning: string
  /** What to do about it; the reply and the log carry it behind the particular message. */
  readonly remedy: string
}

export const REFUSALS = {
  'metadata-header-missing': {
    blame: 'request',
    status: 400,
    legacyStatus: 400,
    imdsError: 'invalid_request',
    eventReason: 'MetadataHeaderMissing',
    meaning: 'The request has no `Metadata: true` header.',
    remedy: 'Send the header Metadata: true, as every Azure SDK does',
  },
  'forwarded-request': {
    blame: 'request',
    status: 400,
    legacyStatus: 400,
    imdsError: 'invalid_request',
    eventReason: 'ForwardedRequest',
    meaning: 'The request carries `X-Forwarded-For`, so it came through a proxy; IMDS refuses these too.',
    remedy: 'Exclude 169.254.169.254 from the proxy (NO_PROXY=169.254.169.254)',
  },
  'method-not-allowed': {
    blame: 'request',
    status: 405,
    legacyStatus: 405,
    imdsError: 'invalid_request',
    eventReason: 'MethodNotAllowed',
    meaning: 'The verb is not GET.',
    remedy: 'Ask with GET',
  },
  'bad-target': {
    blame: 'request',
    status: 400,
    legacyStatus: 400,
    imdsError: 'invalid_request',
    eventReason: 'BadTarget',
    meaning:
      'The path or query has more than one reading (encoded slash, backslash, dot segment, control character, duplicate name).',
    remedy: 'Use the plain path /metadata/identity/oauth2/token',
  },
  'path-unknown': {
    blame: 'request',
    status: 404,
    legacyStatus: 404,
    imdsError: 'invalid_request',
    eventReason: 'PathUnknown',
    meaning: 'The path is not on the list of metadata paths that podid knows; it is never forwarded.',
    remedy: 'See docs/concepts.md for the paths that are answered',
  },
  'path-blocked': {
    blame: 'request',
    status: 403,
    legacyStatus: 403,
    imdsError: 'access_denied',
    eventReason: 'PathBlocked',
    meaning: 'The operator blocked instance metadata (`--block-instance-metadata`).',
    remedy: 'Ask the cluster operator, or add an AzurePodIdentityException for the pod',
  },
  'resource-missing': {
    blame: 'request',
    status: 400,
    legacyStatus: 400,
    imdsError: 'invalid_request',
    eventReason: 'ResourceMissing',
    meaning: 'The token request names no resource.',
    remedy: 'Add resource=<application id URI>, such as resource=https://vault.azure.net',
  },
  'request-invalid': {
    blame: 'request',
    status: 400,
    legacyStatus: 400,
    imdsError: 'invalid_request',
    eventReason: 'RequestInvalid',
    meaning: 'The request is malformed, too large, or its parameters contradict each other.',
    remedy: 'Send one identity selector, each parameter once, and no body',
  },
  'host-only': {
    blame: 'request',
    status: 403,
    legacyStatus: 500,
    imdsError: 'access_denied',
    eventReason: 'HostOnly',
    meaning: 'The host token door was asked from an address that is not the node itself.',
    remedy: 'Use the metadata endpoint from a pod; the host door is for node components',
  },
  'host-headers-missing': {
    blame: 'request',
    status: 400,
    legacyStatus: 400,
    imdsError: 'invalid_request',
    eventReason: 'HostHeadersMissing',
    meaning: 'A host token request lacks the `podns` or `podname` header.',
    remedy: 'Send both headers podns and podname',
  },
  'too-many-connections': {
    blame: 'caller',
    status: 503,
    legacyStatus: 503,
    retryAfterSeconds: 1,
    imdsError: 'temporarily_unavailable',
    eventReason: 'TooManyConnections',
    meaning: 'The pod, or the node as a whole, holds more connections or waiting requests than allowed.',
    remedy: 'Share one credential object and its connection in the application',
  },
  'agent-not-ready': {
    blame: 'podid',
    status: 503,
    legacyStatus: 500,
    retryAfterSeconds: 2,
    imdsError: 'temporarily_unavailable',
    eventReason: 'AgentNotReady',
    meaning: 'The agent has not read the state of the cluster yet, or is stopping.',
    remedy: 'Wait; when it stays, see /readyz of the node agent for the failed check',
  },
  'pod-unknown': {
    blame: 'caller',
    status: 503,
    legacyStatus: 500,
    retryAfterSeconds: 2,
    imdsError: 'temporarily_unavailable',
    eventReason: 'PodUnknown',
    meaning: 'No live pod of this node has the address that the request came from.',
    remedy: 'Host-network pods are not supported; for others check that the pod is on this node and running',
  },
  'pod-ambiguous': {
    blame: 'caller',
    status: 503,
    legacyStatus: 500,
    retryAfterSeconds: 2,
    imdsError: 'temporarily_unavailable',
    eventReason: 'PodAmbiguous',
    meaning: 'Two live pods of this node have the same address, so the caller cannot be told.',
    remedy: 'Wait for the older pod to end; when it stays, the network plugin gave one address twice',
  },
  'caller-not-verified': {
    blame: 'caller',
    status: 503,
    legacyStatus: 500,
    retryAfterSeconds: 2,
    imdsError: 'temporarily_unavailable',
    eventReason: 'CallerNotVerified',
    meaning:
      'The address belongs to a pod, but the connection is not shown to be its own: the address has just moved on to another pod, or another workload uses it.',
    remedy:
      'It passes when the node agent has heard of the pod that has the address now; when it stays, another workload may be using the address: see the audit log of the node agent',
  },
  'no-label': {
    blame: 'configuration',
    status: 403,
    legacyStatus: 404,
    imdsError: 'access_denied',
    eventReason: 'NoLabel',
    meaning: 'The pod has no `aadpodidbinding` label, so nobody asked for an identity for it.',
    remedy: 'Label the pod (in its template) with aadpodidbinding=<selector of an AzureIdentityBinding>',
  },
  'no-binding': {
    blame: 'configuration',
    status: 403,
    legacyStatus: 404,
    imdsError: 'access_denied',
    eventReason: 'NoBinding',
    meaning: 'No AzureIdentityBinding selects the label of the pod.',
    remedy: 'Make the label and the selector of a binding equal, letter for letter',
  },
  'namespace-mismatch': {
    blame: 'configuration',
    status: 403,
    legacyStatus: 404,
    imdsError: 'access_denied',
    eventReason: 'NamespaceMismatch',
    meaning: 'A binding selects the pod, but identity, binding and pod must be in one namespace and are not.',
    remedy: 'Create the AzureIdentity and its binding in the namespace of the pod',
  },
  'identity-missing': {
    blame: 'configuration',
    status: 403,
    legacyStatus: 404,
    imdsError: 'access_denied',
    eventReason: 'IdentityMissing',
    meaning: 'The binding names an AzureIdentity that does not exist in its namespace.',
    remedy: 'Create the AzureIdentity, or mend spec.azureIdentity of the binding',
  },
  'identity-invalid': {
    blame: 'configuration',
    status: 403,
    legacyStatus: 404,
    imdsError: 'access_denied',
    eventReason: 'IdentityInvalid',
    meaning: 'The AzureIdentity has a field that cannot be used, such as a malformed resource id.',
    remedy: 'Mend the named field of the AzureIdentity',
  },
  'identity-not-bound': {
    blame: 'configuration',
    status: 403,
    legacyStatus: 404,
    imdsError: 'access_denied',
    eventReason: 'IdentityNotBound',
    meaning: 'The request names an identity that is not among those bound to the pod.',
    remedy: 'Ask for one of the bound identities, or bind the wanted one',
  },
  'identity-ambiguous': {
    blame: 'configuration',
    status: 400,
    legacyStatus: 400,
    imdsError: 'invalid_request',
    eventReason: 'IdentityAmbiguous',
    meaning:
      'Several identities are bound to the pod, the request names none, and `--require-identity-selector` is on.',
    remedy: 'Add client_id=<one of the candidates> to the request',
  },
  'not-assigned-yet': {
    blame: 'assignment',
    status: 503,
    legacyStatus: 404,
    retryAfterSeconds: 5,
    imdsError: 'temporarily_unavailable',
    eventReason: 'NotAssignedYet',
    meaning: 'The identity is bound to the pod and is still being assigned to the node.',
    remedy: 'Retry; assignment takes 10 to 60 seconds',
  },
  'assignment-failed': {
    blame: 'assignment',
    status: 503,
    legacyStatus: 404,
    retryAfterSeconds: 20,
    imdsError: 'temporarily_unavailable',
    eventReason: 'AssignmentFailed',
    meaning: 'Azure refused to assign the identity to the node; podid goes on trying with growing pauses.',
    remedy: 'See the message for the cause and the command that mends it; no pod restart is needed then',
  },
  'identity-unknown-to-imds': {
    blame: 'assignment',
    status: 503,
    legacyStatus: 403,
    retryAfterSeconds: 5,
    imdsError: 'temporarily_unavailable',
    eventReason: 'IdentityUnknownToImds',
    meaning: 'ARM reports the identity as assigned, the metadata service of the node does not know it (yet).',
    remedy:
      'Retry; when it stays for minutes, the identity was removed from the node or its client id is wrong',
  },
  'token-denied': {
    blame: 'upstream',
    status: 403,
    legacyStatus: 403,
    imdsError: 'access_denied',
    eventReason: 'TokenDenied',
    meaning: 'Microsoft Entra or IMDS refused the token for good; the message holds its answer.',
    remedy: 'Read the AADSTS code in the message; check tenant, client id and the requested resource',
  },
  'secret-unusable': {
    blame: 'configuration',
    status: 403,
    legacyStatus: 403,
    imdsError: 'access_denied',
    eventReason: 'SecretUnusable',
    meaning:
      'The Secret of a service principal identity is missing, empty, or its certificate does not open.',
    remedy: 'Mend the Secret named in spec.clientPassword; it is used at once, without a restart',
  },
  'secret-forbidden': {
    blame: 'configuration',
    status: 503,
    legacyStatus: 403,
    retryAfterSeconds: 20,
    imdsError: 'temporarily_unavailable',
    eventReason: 'SecretForbidden',
    meaning:
      'The node agent may not read the Secret of a service principal: it may read only those that a role names, and the identity came after the roles.',
    remedy:
      'Run the two commands of the message, or name the Secret in rbac.secrets of the chart and upgrade; it is used within a minute, without a restart',
  },
  'upstream-throttled': {
    blame: 'upstream',
    status: 429,
    legacyStatus: 403,
    retryAfterSeconds: 5,
    imdsError: 'temporarily_unavailable',
    eventReason: 'UpstreamThrottled',
    meaning: 'IMDS or Entra is limiting this node, or this pod used up its fair share of them.',
    remedy: 'Retry; cache the credential object in the application',
  },
  'upstream-unavailable': {
    blame: 'upstream',
    status: 503,
    legacyStatus: 503,
    retryAfterSeconds: 2,
    imdsError: 'temporarily_unavailable',
    eventReason: 'UpstreamUnavailable',
    meaning: 'IMDS or Entra did not answer, answered with a fault, or with something that is no token.',
    remedy: 'Retry; when it stays, check the path from the node to the named address',
  },
  'internal-error': {
    blame: 'podid',
    status: 500,
    legacyStatus: 500,
    imdsError: 'server_error',
    eventReason: 'InternalError',
    meaning: 'A fault in podid; the log has the details under the request id.',
    remedy: 'Report it with the log line of the request id',
  },
} as const satisfies Readonly<Record<string, RefusalSpec>>

export type RefusalCode = keyof typeof REFUSALS
