import type { Exchange, Reply } from '../http/exchange.ts'
import { imdsReplies } from './imds-replies.ts'
import { type Asker, answerInstance } from './instance-document.ts'

const VERSIONS = [
  '2017-03-01',
  '2017-04-02',
  '2017-08-01',
  '2017-12-01',
  '2018-02-01',
  '2018-04-02',
  '2018-10-01',
  '2019-02-01',
  '2019-03-11',
  '2019-04-30',
  '2019-06-01',
  '2019-06-04',
  '2019-08-01',
  '2019-08-15',
  '2019-11-01',
  '2020-06-01',
  '2020-07-15',
  '2020-09-01',
  '2020-10-01',
  '2020-12-01',
  '2021-01-01',
  '2021-02-01',
  '2021-03-01',
  '2021-05-01',
  '2021-11-01',
  '2021-11-15',
  '2021-12-13',
  '2023-07-01',
  '2023-11-15',
  '2024-03-15',
  '2024-07-17',
  '2025-04-07',
]

export interface PageContext {
  readonly asker: Asker
  readonly tenantId: string
  /** Wall clock, milliseconds. */
  readonly nowMs: number
}

/** Everything of IMDS but tokens and credentials. `path` is the folded path. */
export function answerPage(exchange: Exchange, path: string, context: PageContext): Reply {
  const [, category = '', ...rest] = path.split('/')
  switch (category) {
    case 'versions':
      return { status: 200, body: { apiVersions: VERSIONS } }
    case 'instance':
      return answerInstance(context.asker, rest, exchange.query.get('format') ?? 'json')
    case 'identity':
      return rest.join('/') === 'info'
        ? { status: 200, body: { tenantId: context.tenantId } }
        : imdsReplies.notFound(true)
    case 'attested':
      return rest.join('/') === 'document' ? attested(exchange, context) : imdsReplies.notFound(false)
    case 'scheduledevents':
      return exchange.method === 'POST'
        ? { status: 200 }
        : { status: 200, body: { DocumentIncarnation: 1, Events: [] } }
    case 'loadbalancer':
      return {
        status: 200,
        body: { loadbalancer: { publicIpAddresses: [], inboundRules: [], outboundRules: [] } },
      }
    default:
      return imdsReplies.notFound(false)
  }
}

/** The right form with no real signature: nothing here may be mistaken for a document of Azure. */
function attested(exchange: Exchange, context: PageContext): Reply {
  const { compute, instance } = context.asker
  const content = {
    nonce: exchange.query.get('nonce') ?? '',
    plan: { name: '', product: '', publisher: '' },
    timeStamp: {
      createdOn: new Date(context.nowMs).toUTCString(),
      expiresOn: new Date(context.nowMs + 6 * 3_600_000).toUTCString(),
    },
    vmId: instance?.vmId ?? compute.vmId,
    subscriptionId: compute.subscription,
    sku: 'emulated',
    licenseType: '',
  }
  const signature = Buffer.from(JSON.stringify(content)).toString('base64')
  return { status: 200, body: { encoding: 'pkcs7', signature } }
}

/** IMDSv2: a host-bound credential. Present so that a test can prove that an agent never asks for one. */
export function answerHostCredential(exchange: Exchange, name: string, context: PageContext): Reply {
  const { compute, instance } = context.asker
  if (!exchange.query.has('cred-api-version'))
    return imdsReplies.invalid("Required query variable 'cred-api-version' is missing")
  const clientId = compute.system.clientId
  if (name === 'getplatformmetadata') {
    if (exchange.method !== 'GET') return imdsReplies.method()
    return {
      status: 200,
      body: {
        cuId: { vmId: instance?.vmId ?? compute.vmId, vmssId: compute.kind === 'vmss' ? compute.vmId : '' },
        clientId,
        tenantId: context.tenantId,
        attestationEndpoint: 'https://attestation.invalid',
      },
    }
  }
  if (exchange.method !== 'POST') return imdsReplies.method()
  return {
    status: 200,
    body: {
      client_id: clientId,
      tenant_id: context.tenantId,
      certificate: Buffer.from('emulated host-bound certificate').toString('base64'),
      identity_type: 'SAMI',
      mtls_authentication_endpoint: 'https://mtlsauth.invalid',
    },
  }
}
