import * as v from 'valibot'
import { OperatorError } from '../base/errors.ts'
import { trimEnd } from '../base/trim-end.ts'
import { parseJson } from './json-body.ts'

/** Addresses of one Azure cloud. Origins have no trailing slash; suffixes have no leading dot. */
export interface Cloud {
  /** The name that go-autorest and azure.json use. */
  readonly name: string
  /** Entra authority, an https origin. */
  readonly loginOrigin: string
  /** Other origins that are the same authority. */
  readonly loginAliases: readonly string[]
  /** Resource Manager, an https origin; empty when the file of a custom cloud names none and none is needed. */
  readonly armOrigin: string
  /** Audiences that ARM accepts, the one to ask for first. */
  readonly armAudiences: readonly string[]
  readonly keyVaultSuffix: string
  /** Token resource of Key Vault. */
  readonly keyVaultResource: string
  readonly storageSuffix: string
  /** Audience of federated credentials; empty where there is none. */
  readonly exchangeAudience: string
  /** True when Azure has shut the cloud down. */
  readonly closed: boolean
}

/** From go-autorest's environments, the Azure CLI's cloud list and the authority metadata of MSAL. */
const CLOUDS: readonly Cloud[] = [
  {
    name: 'AzurePublicCloud',
    loginOrigin: 'https://login.microsoftonline.com',
    loginAliases: ['https://login.windows.net', 'https://login.microsoft.com', 'https://sts.windows.net'],
    armOrigin: 'https://management.azure.com',
    armAudiences: ['https://management.azure.com/', 'https://management.core.windows.net/'],
    keyVaultSuffix: 'vault.azure.net',
    keyVaultResource: 'https://vault.azure.net',
    storageSuffix: 'core.windows.net',
    exchangeAudience: 'api://AzureADTokenExchange',
    closed: false,
  },
  {
    name: 'AzureUSGovernmentCloud',
    loginOrigin: 'https://login.microsoftonline.us',
    loginAliases: ['https://login.usgovcloudapi.net'],
    armOrigin: 'https://management.usgovcloudapi.net',
    armAudiences: ['https://management.usgovcloudapi.net/', 'https://management.core.usgovcloudapi.net/'],
    keyVaultSuffix: 'vault.usgovcloudapi.net',
    keyVaultResource: 'https://vault.usgovcloudapi.net',
    storageSuffix: 'core.usgovcloudapi.net',
    exchangeAudience: 'api://AzureADTokenExchangeUSGov',
    closed: false,
  },
  {
    name: 'AzureChinaCloud',
    loginOrigin: 'https://login.chinacloudapi.cn',
    loginAliases: ['https://login.partner.microsoftonline.cn'],
    armOrigin: 'https://management.chinacloudapi.cn',
    armAudiences: ['https://management.chinacloudapi.cn/', 'https://management.core.chinacloudapi.cn/'],
    keyVaultSuffix: 'vault.azure.cn',
    keyVaultResource: 'https://vault.azure.cn',
    storageSuffix: 'core.chinacloudapi.cn',
    exchangeAudience: 'api://AzureADTokenExchangeChina',
    closed: false,
  },
  {
    name: 'AzureGermanCloud',
    loginOrigin: 'https://login.microsoftonline.de',
    loginAliases: [],
    armOrigin: 'https://management.microsoftazure.de',
    armAudiences: ['https://management.microsoftazure.de/', 'https://management.core.cloudapi.de/'],
    keyVaultSuffix: 'vault.microsoftazure.de',
    keyVaultResource: 'https://vault.microsoftazure.de',
    storageSuffix: 'core.cloudapi.de',
    exchangeAudience: '',
    closed: true,
  },
]

/** Names that the Azure CLI and others use for the same clouds. */
const ALIASES: Readonly<Record<string, string>> = {
  azurecloud: 'azurepubliccloud',
  azureusgovernment: 'azureusgovernmentcloud',
}

/** Name of the cloud whose addresses stand in a file. */
const CUSTOM_CLOUD = 'AzureStackCloud'

/** The built-in clouds. */
export function knownClouds(): readonly Cloud[] {
  return CLOUDS
}

/** By name without case; empty means public, as go-autorest has it. Undefined when it is not built in. */
export function cloudByName(name: string): Cloud | undefined {
  const lower = name.trim().toLowerCase()
  if (lower === '') return CLOUDS[0]
  const wanted = ALIASES[lower] ?? lower
  return CLOUDS.find((cloud) => cloud.name.toLowerCase() === wanted)
}

/** True for the authority of a built-in cloud under any of its names. */
export function isKnownAuthority(origin: string): boolean {
  return CLOUDS.some((cloud) => cloud.loginOrigin === origin || cloud.loginAliases.includes(origin))
}

const ENVIRONMENT_FILE = v.object({
  name: v.optional(v.string(), CUSTOM_CLOUD),
  activeDirectoryEndpoint: v.string(),
  resourceManagerEndpoint: v.optional(v.string(), ''),
  serviceManagementEndpoint: v.optional(v.string(), ''),
  tokenAudience: v.optional(v.string(), ''),
  keyVaultEndpoint: v.optional(v.string(), ''),
  keyVaultDNSSuffix: v.optional(v.string(), ''),
  storageEndpointSuffix: v.optional(v.string(), ''),
  resourceIdentifiers: v.optional(v.object({ keyVault: v.optional(v.string(), '') })),
})

/**
 * A cloud from the file of `AZURE_ENVIRONMENT_FILEPATH` (go-autorest's format).
 * @param arm whether Resource Manager is asked in it; who reads vaults alone needs no address of it
 * @throws OperatorError that names the field, and shows nothing of what the file holds
 */
export function customCloud(file: Buffer, { arm }: { readonly arm: boolean } = { arm: true }): Cloud {
  const parsed = v.safeParse(ENVIRONMENT_FILE, parseJson(file))
  if (!parsed.success) throw unusable(problemOf(parsed.issues[0]))
  const { output } = parsed
  const { resourceManagerEndpoint } = output
  if (arm && resourceManagerEndpoint === '')
    throw unusable('resourceManagerEndpoint is missing or not a text')
  const armOrigin = arm
    ? originOf('resourceManagerEndpoint', resourceManagerEndpoint)
    : (httpsOrigin(resourceManagerEndpoint) ?? '')
  const own = armOrigin === '' ? '' : `${armOrigin}/`
  const audiences = [output.tokenAudience, output.serviceManagementEndpoint, own]
  return {
    name: output.name,
    loginOrigin: originOf('activeDirectoryEndpoint', output.activeDirectoryEndpoint),
    loginAliases: [],
    armOrigin,
    armAudiences: [...new Set(audiences.filter((audience) => audience !== ''))],
    keyVaultSuffix: output.keyVaultDNSSuffix.replace(/^\./, ''),
    keyVaultResource: keyVaultResource(output),
    storageSuffix: output.storageEndpointSuffix.replace(/^\./, ''),
    exchangeAudience: '',
    closed: false,
  }
}

function keyVaultResource(file: v.InferOutput<typeof ENVIRONMENT_FILE>): string {
  const named = file.resourceIdentifiers?.keyVault ?? ''
  const suffix = file.keyVaultDNSSuffix.replace(/^\./, '')
  const text = named || file.keyVaultEndpoint || (suffix === '' ? '' : `https://${suffix}`)
  return trimEnd(text, '/')
}

function originOf(field: string, address: string): string {
  const origin = httpsOrigin(address)
  if (origin !== undefined) return origin
  throw unusable(`${field} is not an https address`)
}

function problemOf(issue: v.BaseIssue<unknown>): string {
  const field = v.getDotPath(issue)
  if (field === null) return 'the whole file is not a JSON object'
  return `${field} is missing or not ${issue.expected === 'Object' ? 'an object' : 'a text'}`
}

function unusable(problem: string): OperatorError {
  return new OperatorError(`the Azure environment file is not usable: ${problem}`)
}

/**
 * The origin of an https address without user, path, query and fragment (a trailing slash is fine);
 * undefined when it is anything else.
 */
export function httpsOrigin(address: string): string | undefined {
  const text = address.trim()
  if (text.length > 512 || !URL.canParse(text)) return undefined
  const url = new URL(text)
  return url.protocol === 'https:' && url.href === `${url.origin}/` ? url.origin : undefined
}
