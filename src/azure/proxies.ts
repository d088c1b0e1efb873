import { OperatorError } from '../base/errors.ts'

/** Outgoing proxies, as the environment of most programs names them. */
export interface Proxies {
  /** http or https address of the proxy for https; it is asked by CONNECT. */
  readonly https?: string
  /** The same for plain http; it is asked with the whole address. */
  readonly http?: string
  /** Hosts that are asked without one: names, `.suffix`, `*.suffix`, addresses, ranges `a-b`, `*`. */
  readonly none?: string
}

const VARIABLES = { https: 'HTTPS_PROXY', http: 'HTTP_PROXY', none: 'NO_PROXY' } as const

/**
 * Proxies of an environment: `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`, the spelling in lower case first. An address
 * without a scheme is http, as elsewhere. Undefined when no proxy is named.
 * @throws OperatorError that names the variable and not its value, which may hold a password
 */
export function readProxies(environment: Readonly<Record<string, string | undefined>>): Proxies | undefined {
  const https = proxyOf(environment, VARIABLES.https)
  const http = proxyOf(environment, VARIABLES.http)
  const none = textOf(environment, VARIABLES.none)
  if (https === '' && http === '') return undefined
  return {
    ...(https === '' ? {} : { https }),
    ...(http === '' ? {} : { http }),
    ...(none === '' ? {} : { none }),
  }
}

function proxyOf(environment: Readonly<Record<string, string | undefined>>, name: string): string {
  const text = textOf(environment, name)
  if (text === '') return ''
  const address = /^[a-z][a-z\d+.-]*:\/\//i.test(text) ? text : `http://${text}`
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url !== undefined && (url.protocol === 'http:' || url.protocol === 'https:')) return url.href
  throw new OperatorError(`${name} is not the http or https address of a proxy`)
}

function textOf(environment: Readonly<Record<string, string | undefined>>, name: string): string {
  return (environment[name.toLowerCase()] || environment[name] || '').trim()
}
