/** Requests byte for byte as a test writes them: for what no SDK would send. */
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'

export interface WireRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** PEM to trust. */
  readonly ca?: string
  /** Request target, when it is not what the URL says. */
  readonly target?: string
  /** Source address. */
  readonly from?: string
}

/** Fields of any of the services' answers that tests read. */
export interface WireBody {
  readonly access_token: string
  readonly client_id: string
  readonly expires_in: string | number
  readonly expires_on: string
  readonly resource: string
  readonly tenantId: string
  readonly certificate: string
  readonly issuer: string
  readonly token_endpoint: string
  readonly jwks_uri: string
  readonly keys: Record<string, unknown>[]
  readonly tenant_discovery_endpoint: string
  readonly error_codes?: number[]
  readonly error_description: string
  /** Entra and IMDS name a word, ARM and Key Vault an object. */
  readonly error: string & {
    readonly code: string
    readonly message: string
    readonly innererror?: { readonly code: string }
  }
  readonly identity?: {
    readonly type: string
    readonly userAssignedIdentities?: Record<string, { clientId?: string }>
  }
  readonly properties: Record<string, unknown> & { readonly provisioningState: string }
  readonly status: string
  readonly value: Record<string, unknown>[]
  readonly nextLink?: string | null
  readonly id: string
  readonly [name: string]: unknown
}

export interface WireAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  /** The body as JSON; a field that is not there is undefined and fails the test that reads it. */
  readonly json: WireBody
}

export async function send(url: string, options: WireRequest = {}): Promise<WireAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<WireAnswer>()
  const begin = url.startsWith('https:') ? httpsRequest : httpRequest
  const request = begin(url, {
    agent: false,
    method: options.method ?? 'GET',
    headers: { ...options.headers },
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    ...(options.target === undefined ? {} : { path: options.target }),
    ...(options.from === undefined ? {} : { localAddress: options.from }),
  })
  request.once('error', reject)
  request.once('response', (response) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.once('error', reject)
    response.once('aborted', () => reject(new Error('aborted')))
    response.once('end', () => {
      const text = Buffer.concat(chunks).toString('utf8')
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: tryJson(text) })
    })
  })
  request.end(options.body)
  return promise
}

/** An empty object for what is no JSON object. */
function tryJson(text: string): WireBody {
  try {
    return Object(JSON.parse(text)) as WireBody
  } catch {
    return {} as WireBody
  }
}

/** Sends raw bytes and returns all that comes back until the server closes: ask for `Connection: close`. */
export async function sendRaw(port: number, bytes: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.once('error', reject)
  socket.once('close', () => resolve(Buffer.concat(chunks).toString('latin1')))
  socket.write(bytes, 'latin1')
  return promise
}
