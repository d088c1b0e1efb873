import type { KeyObject } from 'node:crypto'
import { createHash, createPublicKey, generateKeyPairSync, randomUUID, sign, verify } from 'node:crypto'
import type { Clock } from '../../../src/base/clock.ts'
import type { Fields } from '../json.ts'
import { isFields } from '../json.ts'

interface TokenSubject {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

export interface TokenRequest {
  readonly account: TokenSubject
  readonly audiences: readonly string[]
  readonly seconds: number
  /** The object whose end is the token's end too: `pod`, `secret` or `node`. */
  readonly bound?: { readonly kind: string; readonly name: string; readonly uid: string }
  /** Node of the bound pod. */
  readonly node?: { readonly name: string; readonly uid?: string }
}

/** Signs service account tokens (RS256) as the API server does, and publishes the key. */
export class TokenIssuer {
  readonly issuer: string
  readonly #clock: Clock
  readonly #privateKey: KeyObject
  readonly #publicKey: KeyObject
  readonly keyId: string

  /** @param issuer address that stands in `iss` and under which the discovery document is found. */
  constructor(issuer: string, clock: Clock) {
    this.issuer = issuer
    this.#clock = clock
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
    this.#privateKey = pair.privateKey
    this.#publicKey = createPublicKey(pair.privateKey)
    const der = this.#publicKey.export({ type: 'spki', format: 'der' })
    this.keyId = createHash('sha256').update(der).digest('base64url')
  }

  issue(request: TokenRequest): { readonly token: string; readonly expiresAt: number } {
    const now = Math.floor(this.#clock.now() / 1000)
    const expiresAt = now + request.seconds
    const { account, bound, node } = request
    const claims = {
      aud: request.audiences,
      exp: expiresAt,
      iat: now,
      iss: this.issuer,
      jti: randomUUID(),
      'kubernetes.io': {
        namespace: account.namespace,
        ...(node === undefined ? {} : { node }),
        ...(bound === undefined ? {} : { [bound.kind]: { name: bound.name, uid: bound.uid } }),
        serviceaccount: { name: account.name, uid: account.uid },
      },
      nbf: now,
      sub: `system:serviceaccount:${account.namespace}:${account.name}`,
    }
    const head = encode({ alg: 'RS256', kid: this.keyId })
    const signed = `${head}.${encode(claims)}`
    const signature = sign('RSA-SHA256', Buffer.from(signed), this.#privateKey).toString('base64url')
    return { token: `${signed}.${signature}`, expiresAt }
  }

  /** The claims of a token of this issuer that is valid now; undefined for any other text. */
  verify(token: string): Fields | undefined {
    const claims = this.#signedClaims(token)
    if (claims === undefined || claims['iss'] !== this.issuer) return undefined
    const now = this.#clock.now() / 1000
    const { exp, nbf } = claims
    return typeof exp === 'number' && exp > now && typeof nbf === 'number' && nbf <= now + 60
      ? claims
      : undefined
  }

  #signedClaims(token: string): Fields | undefined {
    const parts = token.split('.')
    const [head = '', body = '', signature = ''] = parts
    if (parts.length !== 3 || decode(head)?.['alg'] !== 'RS256') return undefined
    const signed = Buffer.from(`${head}.${body}`)
    return verify('RSA-SHA256', signed, this.#publicKey, Buffer.from(signature, 'base64url'))
      ? decode(body)
      : undefined
  }

  /** `/.well-known/openid-configuration` */
  discovery(jwksUri: string): Fields {
    return {
      issuer: this.issuer,
      jwks_uri: jwksUri,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
    }
  }

  /** `/openid/v1/jwks` */
  keySet(): Fields {
    const { n, e } = this.#publicKey.export({ format: 'jwk' })
    return { keys: [{ use: 'sig', kty: 'RSA', kid: this.keyId, alg: 'RS256', n, e }] }
  }
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function decode(part: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    return isFields(value) ? value : undefined
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined
    throw thrown
  }
}
