import type { AccessToken } from '../tokens/token-source.ts'

/** Makes the JSON that IMDS would have sent. */
export interface TokenBodies {
  /** One object; an array when there are several tokens (auxiliary tenants), as the old NMI had it. */
  of(tokens: readonly AccessToken[], request: { resource: string; clientId: string }, nowMs: number): string
}

interface Prebuilt {
  readonly resource: string
  readonly clientId: string
  readonly head: string
  readonly tail: string
}

/**
 * All values are strings, as on IMDS (as SDKs and IMDS were recorded). `resource` is the text of the request: the
 * JavaScript SDK keys its cache by it. What does not change with time is built once for each token and
 * forgotten with it.
 */
export function createTokenBodies(): TokenBodies {
  const built = new WeakMap<AccessToken, Prebuilt>()

  function one(token: AccessToken, resource: string, clientId: string, nowMs: number): string {
    let parts = built.get(token)
    if (parts === undefined || parts.resource !== resource || parts.clientId !== clientId) {
      parts = build(token, resource, clientId)
      built.set(token, parts)
    }
    const expiresIn = Math.max(0, Math.floor(token.expiresOn - nowMs / 1000))
    return `${parts.head}"expires_in":"${expiresIn}","ext_expires_in":"${expiresIn}"${parts.tail}`
  }

  return {
    of(tokens, { resource, clientId }, nowMs) {
      const [only] = tokens
      if (only !== undefined && tokens.length === 1) return one(only, resource, clientId, nowMs)
      return `[${tokens.map((token) => one(token, resource, clientId, nowMs)).join(',')}]`
    },
  }
}

function build(token: AccessToken, resource: string, clientId: string): Prebuilt {
  const head =
    `{"access_token":${JSON.stringify(token.value.reveal())},` +
    `"client_id":${JSON.stringify(clientId === '' ? token.clientId : clientId)},"refresh_token":"",`
  const tail =
    `,"expires_on":"${Math.floor(token.expiresOn)}","not_before":"${Math.floor(token.notBefore)}",` +
    `"resource":${JSON.stringify(resource)},"token_type":${JSON.stringify(token.tokenType)}}`
  return { resource, clientId, head, tail }
}
