import { hostName, type Reply } from '../http/exchange.ts'
import { aadsts, refuse } from './aadsts.ts'

/** Hosts of the public cloud that instance discovery lists as one. */
const PUBLIC = ['login.microsoftonline.com', 'login.windows.net', 'login.microsoft.com', 'sts.windows.net']

/**
 * `GET /common/discovery/instance`. Answers for Entra's own names and for the host that asks.
 * @throws AadstsRefusal 50049 for any other instance
 */
export function instanceDiscovery(
  authorizationEndpoint: string,
  askedHost: string,
  own: (host: string) => boolean,
): Reply {
  const match = /^https:\/\/([^/]+)\/([^/]+)/i.exec(authorizationEndpoint)
  const host = match?.[1]?.toLowerCase() ?? ''
  const tenant = match?.[2] ?? 'common'
  const known = host !== '' && (host === askedHost || PUBLIC.includes(host) || own(hostName(host)))
  if (!known) return refuse(aadsts.unknownInstance())
  const entries = [
    { preferred_network: 'login.microsoftonline.com', preferred_cache: 'login.windows.net', aliases: PUBLIC },
  ]
  if (!PUBLIC.includes(host))
    entries.push({ preferred_network: host, preferred_cache: host, aliases: [host] })
  return {
    status: 200,
    body: {
      tenant_discovery_endpoint: `https://${host}/${tenant}/v2.0/.well-known/openid-configuration`,
      'api-version': '1.1',
      metadata: entries,
    },
  }
}

/** The OpenID document, on the origin that was asked: newer clients compare the issuer with it. */
export function openidConfiguration(host: string, tenant: string, version: 1 | 2): Reply {
  const base = `https://${host}/${tenant}`
  const oauth = version === 2 ? `${base}/oauth2/v2.0` : `${base}/oauth2`
  return {
    status: 200,
    body: {
      token_endpoint: `${oauth}/token`,
      token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
      jwks_uri: version === 2 ? `${base}/discovery/v2.0/keys` : `${base}/discovery/keys`,
      response_modes_supported: ['query', 'fragment', 'form_post'],
      subject_types_supported: ['pairwise'],
      id_token_signing_alg_values_supported: ['RS256'],
      response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
      scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
      issuer: version === 2 ? `${base}/v2.0` : `https://sts.windows.net/${tenant}/`,
      request_uri_parameter_supported: false,
      authorization_endpoint: `${oauth}/authorize`,
      device_authorization_endpoint: `${oauth}/devicecode`,
      end_session_endpoint: `${oauth}/logout`,
      tenant_region_scope: null,
      cloud_instance_name: 'microsoftonline.com',
      msgraph_host: 'graph.microsoft.com',
    },
  }
}
