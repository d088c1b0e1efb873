import { MOUNT_FAILURES, type MountBlame, type MountFailureCode } from '../../src/model/mount-failures.ts'
import { refusalSpec } from '../../src/model/refusal.ts'
import { type Blame, REFUSALS, type RefusalCode } from '../../src/model/refusal-codes.ts'

const CHAPTERS: Readonly<Record<Blame, string>> = {
  configuration: 'The chain of label, binding and identity is broken',
  assignment: 'The identity is on its way to the node',
  caller: 'The caller is not known',
  upstream: 'Azure says no',
  request: 'The request itself',
  podid: 'podid itself',
}

export function errorsPage(): string {
  const codes = Object.keys(REFUSALS) as RefusalCode[]
  const chapters = Object.entries(CHAPTERS).map(([blame, title]) => {
    const rows = codes.filter((code) => refusalSpec(code).blame === blame).map(row)
    return `## ${title}\n\n${rows.join('\n\n')}`
  })
  return `# Errors

Every reason podid has for not answering with a token. The code stands in the reply (at the end of
\`error_description\`, and in \`error_codes\`), in the audit line, in the metric \`podid_nmi_refusals_total\`, and its
CamelCase form is the reason of the Event on the pod (\`kubectl describe pod\`). Made from
\`src/model/refusal-codes.ts\` by \`node scripts/documents.ts\`.

A status was chosen by what SDKs do with it: 503 and 429 with \`Retry-After\` are tried again by every Azure SDK, 400
and 403 by none, and 404 is tried again for minutes by most, so it is kept for paths that do not exist.
\`--legacy-status-codes\` sends what AAD Pod Identity sent (column "old").

${chapters.join('\n\n')}

# Errors of Key Vault volumes

Every reason podid's Key Vault provider has for not filling a volume. Kubelet shows the text as an Event of the pod
(\`kubectl describe pod\`), behind its own words and the driver's; the code stands in the provider's log, and in the metrics
\`podid_keyvault_mounts_total\` and \`grpc_request\`. Kubelet tries again by itself, whatever the reason. Made from
\`src/model/mount-failures.ts\`.

${mountChapters().join('\n\n')}
`
}

const MOUNT_CHAPTERS: Readonly<Record<MountBlame, string>> = {
  class: 'The SecretProviderClass',
  identity: 'The identity of the pod',
  vault: 'The vault',
  cluster: 'The CSI driver',
  podid: 'The provider itself',
}

function mountChapters(): string[] {
  const codes = Object.keys(MOUNT_FAILURES) as MountFailureCode[]
  return Object.entries(MOUNT_CHAPTERS).map(([blame, title]) => {
    const rows = codes.filter((code) => MOUNT_FAILURES[code].blame === blame).map(mountRow)
    return `## ${title}\n\n${rows.join('\n\n')}`
  })
}

function mountRow(code: MountFailureCode): string {
  const { meaning, remedy, passes } = MOUNT_FAILURES[code]
  const passing = passes ? ' It passes by itself.' : ''
  return `### \`${code}\`\n\n${meaning}${passing} **What to do:** ${remedy}.`
}

function row(code: RefusalCode): string {
  const spec = refusalSpec(code)
  const retry = spec.retryAfterSeconds === undefined ? 'no' : `yes, after ${spec.retryAfterSeconds} s`
  return `### \`${code}\`

${spec.meaning} **What to do:** ${spec.remedy}.

| status | old | retried by SDKs | Event reason |
| --- | --- | --- | --- |
| ${spec.status} | ${spec.legacyStatus} | ${retry} | ${spec.eventReason} |`
}
