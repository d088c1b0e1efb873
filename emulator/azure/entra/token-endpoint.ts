import type { Exchange, Reply } from '../http/exchange.ts'
import { asObject } from '../http/json.ts'
import { aadsts, refuse } from './aadsts.ts'
import type { TokenOffice } from './access-tokens.ts'
import { type AuthenticationDeps, authenticateClient } from './client-authentication.ts'

export interface TokenEndpointDeps extends AuthenticationDeps {
  readonly office: TokenOffice
  /** The emulator's wall clock as Entra sees it, milliseconds. */
  readonly now: () => number
}

/** `POST /<tenant>/oauth2/v2.0/token` and its predecessor `/oauth2/token`. @throws AadstsRefusal */
export async function answerToken(
  exchange: Exchange,
  about: { tenant: string; version: 1 | 2 },
  deps: TokenEndpointDeps,
): Promise<Reply> {
  const form = readForm(exchange)
  const { tenant } = deps.state
  if (!isTenant(about.tenant, deps)) refuse(aadsts.unknownTenant(about.tenant))
  const grant = form.get('grant_type')
  if (grant === null) refuse(aadsts.missingField('grant_type'))
  if (grant !== 'client_credentials') refuse(aadsts.grantType(grant))
  const nowMs = deps.now()
  const principal = await authenticateClient(form, deps, {
    nowMs,
    audiences: tokenAudiences(exchange.host, [about.tenant, tenant.id]),
  })
  const audience = about.version === 2 ? scopeResource(form) : (form.get('resource') ?? '')
  if (audience === '') refuse(aadsts.missingField('resource'))
  const { knownAudiences } = deps.settings
  if (knownAudiences.length > 0 && !knownAudiences.includes(audience.replace(/\/+$/, '')))
    refuse(aadsts.unknownResource(audience, tenant.displayName))
  const continuous = wantsContinuous(form)
  const lifetimeSeconds = lifetime(deps, principal.resourceId !== undefined, continuous)
  const token = await deps.office.issue({ principal, audience, lifetimeSeconds, nowMs, continuous })
  if (about.version === 2) {
    return {
      status: 200,
      body: {
        token_type: 'Bearer',
        expires_in: lifetimeSeconds,
        ext_expires_in: lifetimeSeconds,
        access_token: token.jwt,
      },
    }
  }
  return {
    status: 200,
    body: {
      token_type: 'Bearer',
      expires_in: String(lifetimeSeconds),
      ext_expires_in: String(lifetimeSeconds),
      expires_on: String(token.expires),
      not_before: String(token.notBefore),
      resource: audience,
      access_token: token.jwt,
    },
  }
}

function readForm(exchange: Exchange): URLSearchParams {
  const type = (exchange.headers['content-type'] ?? '').toLowerCase()
  if (!type.startsWith('application/x-www-form-urlencoded')) refuse(aadsts.missingField('grant_type'))
  return new URLSearchParams(exchange.body.toString('utf8'))
}

function isTenant(name: string, deps: TokenEndpointDeps): boolean {
  const wanted = name.toLowerCase()
  const { id, domains } = deps.state.tenant
  return wanted === id.toLowerCase() || domains.some((domain) => domain.toLowerCase() === wanted)
}

function tokenAudiences(host: string, tenants: readonly string[]): string[] {
  const hosts = [host, 'login.microsoftonline.com', 'login.windows.net']
  return tenants.flatMap((tenant) =>
    hosts.flatMap((each) => [
      `https://${each}/${tenant}/oauth2/v2.0/token`,
      `https://${each}/${tenant}/oauth2/token`,
      `https://${each}/${tenant}/v2.0`,
      `https://${each}/${tenant}`,
    ]),
  )
}

const DEFAULT_SCOPE = '/.default'

/** Words for the logins of people, which libraries such as MSAL for Go send along with every request. */
const USER_SCOPES: ReadonlySet<string> = new Set(['openid', 'profile', 'offline_access'])

/** A double slash before `.default` is meaningful: the resource then ends with one. */
function scopeResource(form: URLSearchParams): string {
  const scope = form.get('scope')
  if (scope === null || scope.trim() === '') return refuse(aadsts.missingField('scope'))
  const scopes = scope.split(' ').filter((each) => each !== '' && !USER_SCOPES.has(each))
  const [only = ''] = scopes
  if (scopes.length !== 1 || !only.endsWith(DEFAULT_SCOPE) || only === DEFAULT_SCOPE)
    return refuse(aadsts.scope(scope))
  return only.slice(0, -DEFAULT_SCOPE.length)
}

function wantsContinuous(form: URLSearchParams): boolean {
  const claims = form.get('claims')
  if (claims === null) return false
  try {
    const wanted = asObject(asObject(asObject(JSON.parse(claims))?.['access_token'])?.['xms_cc'])?.['values']
    return Array.isArray(wanted) && wanted.some((each) => String(each).toLowerCase() === 'cp1')
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return refuse(aadsts.missingField('claims'))
    throw thrown
  }
}

function lifetime(deps: TokenEndpointDeps, managed: boolean, continuous: boolean): number {
  if (managed) return deps.settings.identityTokenSeconds
  const drawn = 3_599 + Math.floor(deps.clock.random() * 1_801)
  return deps.settings.appTokenSeconds ?? (continuous ? 86_399 : drawn)
}
