import { asObject, type JsonObject, numberField, textField } from '../http/json.ts'
import { refuseVault } from './vault-errors.ts'

export const PKCS12 = 'application/x-pkcs12'
export const PEM = 'application/x-pem-file'

/** How a certificate is to be made. */
export interface CertificatePolicy {
  readonly kty: string
  readonly keySize: number
  readonly curve: string
  readonly contentType: string
  readonly subject: string
  readonly dnsNames: readonly string[]
  readonly validityMonths: number
  readonly issuer: string
}

/** Reads a policy with Key Vault's defaults. @throws Refused 400 for a content type that is none */
export function readPolicy(body: JsonObject | undefined, otherwise = PKCS12): CertificatePolicy {
  const [key, secret, x509] = [
    asObject(body?.['key_props']),
    asObject(body?.['secret_props']),
    asObject(body?.['x509_props']),
  ]
  const contentType = textField(secret, 'contentType') ?? otherwise
  if (contentType !== PKCS12 && contentType !== PEM)
    refuseVault(400, 'BadParameter', `The content type '${contentType}' is none of ${PKCS12}, ${PEM}.`)
  return { contentType, ...keyPart(key), ...namePart(x509), issuer: issuerOf(body) }
}

function keyPart(key: JsonObject | undefined): Pick<CertificatePolicy, 'kty' | 'keySize' | 'curve'> {
  return {
    kty: textField(key, 'kty') ?? 'RSA',
    keySize: numberField(key, 'key_size') ?? 2_048,
    curve: textField(key, 'crv') ?? 'P-256',
  }
}

function namePart(
  x509: JsonObject | undefined,
): Pick<CertificatePolicy, 'subject' | 'dnsNames' | 'validityMonths'> {
  const names = asObject(x509?.['sans'])?.['dns_names']
  return {
    subject: textField(x509, 'subject') ?? '',
    dnsNames: Array.isArray(names) ? names.map(String) : [],
    validityMonths: numberField(x509, 'validity_months') ?? 12,
  }
}

function issuerOf(body: JsonObject | undefined): string {
  return textField(asObject(body?.['issuer']), 'name') ?? 'Self'
}

export function policyView(policy: CertificatePolicy, id: string): Record<string, unknown> {
  const rsa = policy.kty.startsWith('RSA')
  return {
    id,
    key_props: {
      exportable: true,
      kty: policy.kty,
      reuse_key: false,
      ...(rsa ? { key_size: policy.keySize } : { crv: policy.curve }),
    },
    secret_props: { contentType: policy.contentType },
    x509_props: {
      subject: policy.subject,
      sans: { dns_names: policy.dnsNames },
      ekus: ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'],
      key_usage: ['digitalSignature', 'keyEncipherment'],
      validity_months: policy.validityMonths,
      basic_constraints: { ca: false },
    },
    issuer: { name: policy.issuer },
  }
}
