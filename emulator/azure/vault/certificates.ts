import { X509Certificate } from 'node:crypto'
import type { Reply } from '../http/exchange.ts'
import { asObject, textField } from '../http/json.ts'
import { guidOf, hexOf } from '../state/guid.ts'
import { type CertificateBundle, makeCertificate, readBundle, secretValue } from './certificate-making.ts'
import { type CertificatePolicy, PEM, PKCS12, policyView, readPolicy } from './certificate-policy.ts'
import { publicJwk } from './key-material.ts'
import {
  addVersion,
  attributesView,
  checkName,
  findItem,
  findVersion,
  type NewVersion,
  readAttributes,
  readTags,
} from './shelf.ts'
import { type ShelfKind, shelfRoutes } from './shelf-routes.ts'
import { refuseVault } from './vault-errors.ts'
import { bodyOf, type VaultCall, type VaultRoute } from './vault-route.ts'
import type { CertificateContent, Version } from './vault-state.ts'

const CERTIFICATES: ShelfKind<CertificateContent> = {
  kind: 'certificates',
  changing: 'update',
  shelf: (vault) => vault.certificates,
  show: describe,
  describe,
  entry: (version, id) => ({
    ...common(version),
    id,
    subject: new X509Certificate(version.content.der).subject,
  }),
}

const route = (verb: string, method: string, path: string, permission: string) => ({
  name: `vault.certificate.${verb}`,
  method,
  path: `/certificates/{name}/${path}`,
  kind: 'certificates' as const,
  permission,
})

export const certificateRoutes: readonly VaultRoute[] = [
  { ...route('create', 'POST', 'create', 'create'), work: create },
  { ...route('import', 'POST', 'import', 'import'), work: importCertificate },
  { ...route('policy', 'GET', 'policy', 'get'), work: readOwnPolicy },
  { ...route('pending', 'GET', 'pending', 'get'), work: pending },
  ...shelfRoutes(CERTIFICATES),
]

function common(version: Version<CertificateContent>): Record<string, unknown> {
  const { fingerprint } = new X509Certificate(version.content.der)
  return {
    x5t: Buffer.from(fingerprint.replaceAll(':', ''), 'hex').toString('base64url'),
    attributes: attributesView(version),
    tags: version.tags,
  }
}

function describe(
  call: VaultCall,
  name: string,
  version: Version<CertificateContent>,
): Record<string, unknown> {
  return {
    ...common(version),
    id: `${call.base}/certificates/${name}/${version.version}`,
    kid: `${call.base}/keys/${name}/${version.version}`,
    sid: `${call.base}/secrets/${name}/${version.version}`,
    cer: version.content.der.toString('base64'),
    policy: version.content.policy,
  }
}

/** Self-signed ones are ready at once; the operation says `inProgress` first, as Key Vault does. */
async function create(call: VaultCall): Promise<Reply> {
  const body = bodyOf(call)
  const policy = readPolicy(asObject(body['policy']))
  if (policy.issuer !== 'Self')
    return refuseVault(
      400,
      'BadParameter',
      `This emulator issues certificates of issuer 'Self' only; asked: '${policy.issuer}'.`,
    )
  checkName(call.param('name'))
  store(call, await makeCertificate(policy, call.now * 1_000), policy)
  return { status: 202, body: operation(call, 'inProgress') }
}

function pending(call: VaultCall): Reply {
  findItem(call.vault.certificates, 'certificates', call.param('name'))
  return { status: 200, body: operation(call, 'completed') }
}

function operation(call: VaultCall, status: string): Record<string, unknown> {
  const base = `${call.base}/certificates/${call.param('name')}`
  return {
    id: `${base}/pending`,
    issuer: { name: 'Self' },
    csr: '',
    cancellation_requested: false,
    status,
    ...(status === 'completed' ? { target: base } : {}),
    request_id: guidOf(base).replaceAll('-', ''),
  }
}

function readOwnPolicy(call: VaultCall): Reply {
  const item = findItem(call.vault.certificates, 'certificates', call.param('name'))
  return { status: 200, body: findVersion(item, 'certificates', '').content.policy }
}

function importCertificate(call: VaultCall): Reply {
  const body = bodyOf(call)
  const value = textField(body, 'value') ?? ''
  const bundle = readBundle(value, textField(body, 'pwd') ?? '')
  // The JavaScript SDK sends no content type: it follows from the content then.
  const asked = readPolicy(asObject(body['policy']), value.includes('-----BEGIN') ? PEM : PKCS12)
  const { subject } = new X509Certificate(bundle.chain[0] ?? '')
  const ec = bundle.privateKey.asymmetricKeyType === 'ec'
  const policy = {
    ...asked,
    subject: subject.replaceAll('\n', ', '),
    kty: ec ? 'EC' : 'RSA',
    issuer: 'Unknown',
  }
  const version = store(call, bundle, policy)
  return { status: 200, body: describe(call, call.param('name'), version) }
}

/** A certificate is three objects of one name and version: itself, its key and its secret. */
function store(
  call: VaultCall,
  bundle: CertificateBundle,
  policy: CertificatePolicy,
): Version<CertificateContent> {
  const { vault, now } = call
  const name = call.param('name')
  const value = secretValue(bundle, policy.contentType)
  const count = vault.certificates.items.get(name.toLowerCase())?.versions.length ?? 0
  const body = bodyOf(call)
  const own = new X509Certificate(bundle.chain[0] ?? '')
  const shared: Omit<NewVersion<never>, 'kind' | 'content'> = {
    vault: vault.name,
    name,
    attributes: {
      notBefore: Math.floor(Date.parse(own.validFrom) / 1_000),
      expires: Math.floor(Date.parse(own.validTo) / 1_000),
      enabled: readAttributes(body).enabled,
    },
    tags: readTags(body) ?? {},
    now,
    version: hexOf(`${vault.name} certificates ${name.toLowerCase()} ${count + 1} ${now}`),
  }
  const operations = policy.kty.startsWith('EC')
    ? ['sign', 'verify']
    : ['sign', 'verify', 'wrapKey', 'unwrapKey', 'encrypt', 'decrypt']
  const jwk = publicJwk(bundle.privateKey)
  const view = policyView(policy, `${call.base}/certificates/${name}/policy`)
  addVersion(vault.keys, {
    ...shared,
    kind: 'keys',
    content: { kty: policy.kty, operations, jwk, managed: true },
  })
  addVersion(vault.secrets, {
    ...shared,
    kind: 'secrets',
    content: { value, contentType: policy.contentType, managed: true },
  })
  return addVersion(vault.certificates, {
    ...shared,
    kind: 'certificates',
    content: { der: own.raw, policy: view },
  }).version
}
