import type { TLSSocket } from 'node:tls'
import { listAt, textAt } from '../json.ts'
import type { World } from '../world.ts'
import { findObject } from '../world.ts'
import type { TokenIssuer } from './token-issuer.ts'
import type { User } from './user.ts'
import { ANONYMOUS, namedUser, serviceAccountUser } from './user.ts'

/** Finds out who sends a request: static token, service account token, client certificate, or nobody. */
export class Authenticator {
  readonly #world: World
  readonly #issuer: TokenIssuer
  readonly #tokens: ReadonlyMap<string, User>

  constructor(world: World, issuer: TokenIssuer, tokens: ReadonlyMap<string, User>) {
    this.#world = world
    this.#issuer = issuer
    this.#tokens = tokens
  }

  /** @returns undefined for credentials that are no good: the API answers 401. */
  authenticate(authorization: string | undefined, socket: TLSSocket | undefined): User | undefined {
    const bearer = /^bearer (.+)$/i.exec(authorization ?? '')?.[1]?.trim()
    if (bearer !== undefined)
      return this.#tokens.get(bearer) ?? this.reviewToken(bearer, [this.#issuer.issuer])
    const certificate = socket?.authorized === true ? socket.getPeerCertificate() : undefined
    const subject = certificate?.subject
    if (subject === undefined || typeof subject.CN !== 'string') return ANONYMOUS
    const groups = (subject as { O?: string | string[] }).O
    return namedUser(subject.CN, groups === undefined ? [] : [groups].flat())
  }

  /** The user of a service account token for one of the audiences, while its account and bound object live. */
  reviewToken(token: string, audiences: readonly string[]): User | undefined {
    const claims = this.#issuer.verify(token)
    if (claims === undefined || !listAt(claims, 'aud').some((each) => audiences.includes(String(each))))
      return undefined
    const details = claims['kubernetes.io']
    const namespace = textAt(details, 'namespace')
    const name = textAt(details, 'serviceaccount', 'name')
    const account = findObject(this.#world, 'serviceaccounts', `${namespace}/${name}`)
    const uid = textAt(details, 'serviceaccount', 'uid')
    if (account === undefined || account.metadata.uid !== uid) return undefined
    const pod = { name: textAt(details, 'pod', 'name'), uid: textAt(details, 'pod', 'uid') }
    const prefix = 'authentication.kubernetes.io'
    if (pod.name === '') return serviceAccountUser({ namespace, name, uid }, {})
    if (findObject(this.#world, 'pods', `${namespace}/${pod.name}`)?.metadata.uid !== pod.uid)
      return undefined
    const extra = { [`${prefix}/pod-name`]: [pod.name], [`${prefix}/pod-uid`]: [pod.uid] }
    return serviceAccountUser({ namespace, name, uid }, extra)
  }
}
