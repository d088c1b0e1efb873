import type { Clock } from '../../../src/base/clock.ts'
import { createTraceIds, type TokenOffice } from '../entra/access-tokens.ts'
import { type Exchange, hostName, type Reply } from '../http/exchange.ts'
import { type Call, callOf, matchRoute, type Route } from '../http/router.ts'
import type { Plan, Service } from '../http/service.ts'
import type { AzureState } from '../state/azure-state.ts'
import type { Journal } from '../state/journal.ts'
import type { Settings } from '../state/settings.ts'
import { certificateRoutes } from './certificates.ts'
import { keyRoutes } from './keys.ts'
import { secretRoutes } from './secrets.ts'
import { createTransactionLimit, type TransactionLimit } from './transaction-limit.ts'
import { authenticateVaultCaller, requirePermission } from './vault-caller.ts'
import { refuseVault, vaultReply } from './vault-errors.ts'
import { requireNetwork } from './vault-network.ts'
import type { VaultCall, VaultRoute } from './vault-route.ts'
import type { Vault } from './vault-state.ts'

export interface VaultDeps {
  readonly state: AzureState
  readonly settings: Settings
  readonly journal: Journal
  readonly clock: Clock
  readonly office: TokenOffice
  /** Origin of Entra for the challenge, without a slash at its end. */
  readonly authority: () => string
  /** The emulator's wall clock as Key Vault sees it, milliseconds. */
  readonly now: () => number
}

const SUFFIXES = ['.vault.azure.net', '.vault.localhost']
const WORDS = /^(deleted)?(secrets|keys|certificates)$/
const API_VERSION = /^(20\d{2}-\d{2}-\d{2}|7\.\d)(-preview\.\d)?$/

/** The data plane of all vaults; the host name says which. */
export function createVaultService(deps: VaultDeps): Service {
  const nextId = createTraceIds('vault request')
  const limit = createTransactionLimit(deps)
  const routes: Route[] = [...secretRoutes, ...keyRoutes, ...certificateRoutes].map((route) => ({
    ...route,
    handle: (call) => answer(route, call, deps, limit),
  }))
  return {
    name: 'vault',
    bodyLimit: 1_048_576,
    ownsHost: (name) => SUFFIXES.some((suffix) => name.endsWith(suffix)),
    ownsHead: ({ segments }) => WORDS.test((segments[0] ?? '').toLowerCase()),
    headers: () => ({
      'cache-control': 'no-cache',
      'x-ms-keyvault-region': deps.state.region,
      'x-ms-request-id': nextId(),
      'x-ms-keyvault-service-version': '1.9.2100.1',
      'x-ms-keyvault-network-info': 'conn_type=Ipv4;addr=127.0.0.1;act_addr_fam=InterNetwork;',
    }),
    problem: (status, text) =>
      status === 429
        ? limit.reply()
        : vaultReply(status, status >= 500 ? 'InternalServerError' : 'BadParameter', text),
    plan: (exchange) => planVault(exchange, routes, deps.journal),
  }
}

async function answer(
  route: VaultRoute,
  call: Call,
  deps: VaultDeps,
  limit: TransactionLimit,
): Promise<Reply> {
  const vault = findVault(call, deps.state)
  const version = call.query.get('api-version') ?? ''
  if (!API_VERSION.test(version))
    refuseVault(
      400,
      'BadParameter',
      version === ''
        ? 'api-version must be specified'
        : `The specified version (${version}) is not recognized.`,
    )
  const nowMs = deps.now()
  const { state, office } = deps
  const caller = await authenticateVaultCaller(call, { state, office, authority: deps.authority(), nowMs })
  requireNetwork(call, caller, vault)
  limit.take(vault.name)
  const name = call.segments[1] ?? ''
  requirePermission(caller, vault, { kind: route.kind, permission: route.permission, name }, state)
  const vaultCall: VaultCall = {
    ...call,
    vault,
    base: `https://${call.host}`,
    now: Math.floor(nowMs / 1_000),
    pageSize: deps.settings.vaultPageSize,
    refusesByDate: deps.settings.vaultRefusesByDate,
    optional: (part) => (route.path.includes(`{${part}}`) ? call.param(part) : ''),
  }
  return route.work(vaultCall)
}

/** By the first label of the host name; under an address the only vault there is. */
function findVault(call: Call, state: AzureState): Vault {
  const host = hostName(call.host)
  const named = SUFFIXES.some((suffix) => host.endsWith(suffix)) ? host.split('.')[0] : undefined
  const [only, another] = [...state.vaults.values()]
  const vault = named === undefined ? (another === undefined ? only : undefined) : state.vaults.get(named)
  if (vault !== undefined) return vault
  return refuseVault(
    404,
    'VaultNotFound',
    named === undefined
      ? `'${host}' names none of the ${state.vaults.size} emulated vaults; use https://<name>.vault.azure.net.`
      : `There is no emulated vault '${named}'.`,
  )
}

function planVault(exchange: Exchange, routes: readonly Route[], journal: Journal): Plan {
  const match = matchRoute(routes, exchange.method, exchange.segments)
  if (match.kind === 'route') {
    const call = callOf(exchange, match.params)
    return { route: match.route.name, run: () => match.route.handle(call) }
  }
  const what = `${exchange.method} ${exchange.target}`
  return {
    route: 'vault.unknown',
    run() {
      journal.violate('vault-unsupported', what)
      const status = match.kind === 'none' ? 404 : 405
      return vaultReply(status, 'BadParameter', `This emulator has no ${what}.`)
    },
  }
}
