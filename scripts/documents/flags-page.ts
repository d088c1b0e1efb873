import type { FlagTable } from '../../src/cli/flag.ts'
import { KEYVAULT_PROVIDER_FLAGS } from '../../src/cli/keyvault-provider-flags.ts'
import { MIC_FLAGS } from '../../src/cli/mic-flags.ts'
import { NMI_FLAGS } from '../../src/cli/nmi-flags.ts'

export function flagsPage(): string {
  return `# Flags

\`--flag=value\` and \`--flag value\`, booleans also bare; durations in Go's notation (\`30s\`, \`1h30m\`). An unknown flag
is an error that names the nearest known one. A flag given on the command line wins over its environment variable.
Flags marked *podid* are new, all others keep the name and effect they had in AAD Pod Identity 1.8, or, for
\`podid keyvault-provider\`, in the Azure provider 1.8 for the Secrets Store CSI driver; where a default
differs, the text says so and [differences](differences.md) has the reason. Made from \`src/cli/*-flags.ts\` by
\`node scripts/documents.ts\`.

## Both

Outside a cluster \`--kubeconfig\` names the API server; inside, the service account does, whose \`token\` and \`ca.crt\` are
read from \`SERVICE_ACCOUNT_DIRECTORY\` where a projected volume puts them elsewhere than the kubelet.

## \`podid nmi\`

${tableOf(NMI_FLAGS)}

## \`podid mic\`

${tableOf(MIC_FLAGS)}

Without \`--cloudconfig\`, MIC reads the environment of the old chart: \`CLOUD\`, \`TENANT_ID\`, \`CLIENT_ID\` and
\`CLIENT_SECRET\`, or \`USE_MSI=true\` with \`USER_ASSIGNED_MSI_CLIENT_ID\`. \`SUBSCRIPTION_ID\`, \`RESOURCE_GROUP\` and
\`VM_TYPE\` are not needed: each node's provider id says where it is.

## \`podid keyvault-provider\`

${tableOf(KEYVAULT_PROVIDER_FLAGS)}

\`HTTPS_PROXY\` and \`NO_PROXY\` of the environment lead the way to Entra and the vaults, never to IMDS or NMI.
\`AZURE_ENVIRONMENT_FILEPATH\` names the file of the cloud \`AzureStackCloud\` for classes that name none.
`
}

function tableOf(flags: FlagTable): string {
  const rows = Object.entries(flags).map(([name, flag]) => {
    const shown = flag.shown === '' ? '' : `\`${flag.shown}\``
    const env = flag.env === undefined ? '' : `\`${flag.env}\``
    return `| \`--${name}\` | ${shown} | ${env} | ${flag.origin === 'podid' ? '*podid* ' : ''}${flag.help.replaceAll('|', '\\|')} |`
  })
  return `| flag | default | environment | effect |\n| --- | --- | --- | --- |\n${rows.join('\n')}`
}
