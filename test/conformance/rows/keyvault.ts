import { type Row, section } from '../row.ts'
import { KEYVAULT_PROCESS } from './keyvault-process.ts'

/** In the order of the old provider's own unit tests, with what they leave out between. */
const { same, differs } = section(12, 'vault')

const REQUEST = 'src/keyvault/request'
const RENDER = 'src/keyvault/render'
const PARAMETERS = `${REQUEST}/parameters.test.ts`
const OBJECTS = `${REQUEST}/objects.test.ts`
const RULES = `${REQUEST}/object-rules.test.ts`
const NAMES = `${REQUEST}/file-names.test.ts`
const CLOUD = `${REQUEST}/cloud.test.ts`
const MODE = `${REQUEST}/identity-mode.test.ts`
const TOKEN = `${REQUEST}/service-account-token.test.ts`
const CERTIFICATES = `${RENDER}/certificate-secret.test.ts`
const CHAIN = `${RENDER}/chain.property.test.ts`
const FILES = `${RENDER}/render.test.ts`
const MOUNT = 'src/keyvault/mount.test.ts'

const CLASSES: readonly Row[] = [
  same('each parameter is read, trimmed, and has its default', [
    PARAMETERS,
    'each parameter has its default and is read',
  ]),
  same('tenantID goes before the deprecated tenantId', [PARAMETERS, 'tenantID goes before the old tenantId']),
  same('booleans are those of Go, blank is false, others are refused by the name of the flag', [
    PARAMETERS,
    'booleans are those of Go',
  ]),
  differs(
    'parameters and fields that nobody knows are ignored',
    [PARAMETERS, 'a near miss is named when what it resembles is missing'],
    'kv-unknown-names',
  ),
  same('objects is YAML with an array of texts, each YAML again', [OBJECTS, 'the usual class']),
  same('scalars are the text of their source, whatever YAML would make of them', [
    OBJECTS,
    'scalars are their source text, whatever YAML would make of them',
  ]),
  differs('an entry that is a mapping is refused', [OBJECTS, 'entries may be mappings'], 'kv-entries'),
  same('a history of 0 or 1 means one file, more mean a folder', [
    MOUNT,
    'several versions are files below the name, newest first, and as many as asked for',
  ]),
  same('the history is a whole number without quotes', [
    OBJECTS,
    'the history is a whole number without quotes',
  ]),
  same('UIDs are type/name, with several versions type/name/index, without the alias', [
    NAMES,
    'names and UIDs',
  ]),
  same('the file is the alias, else the name, and must not be empty', [
    RULES,
    'the file is the alias, else the name, and a path that the driver writes',
  ]),
  same('the permission is octal digits, and that of the request when there is none', [
    RULES,
    'the permission is octal and no more than 0777',
  ]),
  differs(
    'a permission that is no octal number becomes mode 0',
    [RULES, 'the permission is octal and no more than 0777'],
    'kv-permission',
  ),
  same('the format is pem, pfx or nothing, in any case, and pfx for secrets alone', [
    RULES,
    'the format: none, any case, wrong, and pfx for secrets alone',
  ]),
  differs(
    'PFX in capitals is taken for keys and certificates',
    [RULES, 'the format: none, any case, wrong, and pfx for secrets alone'],
    'kv-format-case',
  ),
  same('the encoding is utf-8, hex, base64 or nothing, in any case, for secrets alone', [
    RULES,
    'the encoding: none, any case, wrong, and for secrets alone',
  ]),
  same('a path is relative and holds no two dots', [
    RULES,
    'the file is the alias, else the name, and a path that the driver writes',
  ]),
  differs(
    'a path that is not clean passes the provider and fails in the driver',
    [RULES, 'the file is the alias, else the name, and a path that the driver writes'],
    'kv-paths',
  ),
  differs(
    'of two objects with one path the last one wins',
    [OBJECTS, 'two objects do not share a file, nor a file and a folder'],
    'kv-same-path',
  ),
  differs(
    'names and versions go into the URL as they are',
    [RULES, 'names and versions cannot lead elsewhere'],
    'kv-names',
  ),
  differs(
    'the version latest is special with several versions only',
    [RULES, 'names and versions cannot lead elsewhere'],
    'kv-latest',
  ),
  same('the address of a vault in each cloud', [
    `${REQUEST}/vault-address.test.ts`,
    'a vault has its address in each cloud',
  ]),
  same('names of vaults have 3 to 24 letters, digits and hyphens', [
    `${REQUEST}/vault-address.test.ts`,
    'names are refused in the old words',
  ]),
  same('clouds are named in any case, nothing means that of the process, others are refused', [
    CLOUD,
    'a cloud that is none is told in the old words',
  ]),
  differs(
    'AzureStackCloud reads the file that a variable of the process names, which cloudEnvFileName sets',
    [CLOUD, 'a pod author reads no other file'],
    'kv-cloud-file',
  ),
  same(
    'of several mistakes the first in a fixed order is told: pod, flags, vault, tenant, cloud, login, objects',
    [`${REQUEST}/read-order.test.ts`, 'of several mistakes the old provider’s first is told'],
  ),
  differs(
    'an empty array is a success without files',
    [OBJECTS, 'what is no list of objects is told'],
    'kv-empty',
  ),
  same('a failed read names type, name and version of the object', [
    'src/keyvault/vault-failure.test.ts',
    'each kind has its code, and the same failure has the same text',
  ]),
  same('usePodIdentity, useVMManagedIdentity and useAzureTokenProxy exclude each other', [
    PARAMETERS,
    'one flag at most',
  ]),
]

const CONTENTS: readonly Row[] = [
  same('PKCS#12 with one certificate, and with several, becomes key and certificates', [
    CERTIFICATES,
    '*: PEM and every PKCS#12, with and without a chain',
  ]),
  differs(
    'PKCS#12 that is encrypted with AES cannot be opened',
    ['src/tokens/pkcs12-file.test.ts', '*: key and certificates come out of each encryption as they went in'],
    'kv-aes-pfx',
  ),
  same('a value goes out as it is, or decoded from base64 or hex', [
    FILES,
    'hex and base64 become the bytes they stand for',
  ]),
  differs(
    'an encoding is applied to whatever came out, and its error names no object',
    [CERTIFICATES, 'an encoding that does not go with the file is an error that says what to do'],
    'kv-encoding',
  ),
  same('versions: enabled ones, newest first, from the one that the class names', [
    NAMES,
    'they begin at the version of the class; one that is not there gives none',
  ]),
  differs(
    'a history of N gives N+1 versions when there are so many',
    [NAMES, 'the newest enabled versions, as many as asked for and not one more'],
    'kv-history',
  ),
  differs(
    'a starting version that is not in the list gives no file and no error',
    [MOUNT, 'a version to start with that the vault does not have is a failure, not an empty folder'],
    'kv-missing-version',
  ),
  same('fields of an object are trimmed, and what is unknown is ignored', [
    OBJECTS,
    'text is trimmed, unknown keys are ignored, a second document is',
  ]),
  same('a chain in any order comes out from leaf to root, an incomplete one keeps what it has', [
    CHAIN,
    'every order of a whole chain comes out from leaf to root, with the key and without',
  ]),
  differs(
    'the leaf is whichever certificate issued no other',
    [CHAIN, 'whatever is in a file: all of it comes out once, and first what fits the key'],
    'kv-chain',
  ),
  same('--construct-pem-chain=false leaves the order as it was', [
    CERTIFICATES,
    'PKCS#12 comes leaf first, or as it was when that is not asked for',
  ]),
  same('public keys of RSA and of P-256, P-384 and P-521 become PEM, P-256K and oct are refused', [
    `${RENDER}/key.test.ts`,
    'other kinds fail in the words of the old provider',
  ]),
  same('private keys of RSA and of curves become PKCS#8', [
    CERTIFICATES,
    '*: PEM and every PKCS#12, with and without a chain',
  ]),
  differs(
    'a private key that fits no certificate is mounted',
    [CERTIFICATES, 'a private key without its certificate fails with that text, in PEM and PKCS#12'],
    'kv-key-fits',
  ),
  same('certificates and keys of a PEM are split, for the separate files', [
    CERTIFICATES,
    '*: PEM and every PKCS#12, with and without a chain',
  ]),
  differs(
    'with objectFormat pfx the separate files are empty',
    [CERTIFICATES, '*: PEM and every PKCS#12, with and without a chain'],
    'kv-separate-pfx',
  ),
  same('secrets: plain ones, PEM as it is, PKCS#12 as text or bytes', [
    FILES,
    'a plain secret is its value, byte for byte, whatever it looks like',
  ]),
  same('a PKCS#12 that cannot be opened is refused', [
    CERTIFICATES,
    'a PKCS#12 that cannot be opened fails with the reason',
  ]),
  differs(
    'a certificate’s secret without a content type ends the process',
    [CERTIFICATES, 'content types: known in any case, looked for when missing, else an error'],
    'kv-content-type',
  ),
  same('an answer of the vault without value or id is refused', [
    'src/azure/vault-answers.test.ts',
    'what is not the object that was asked for is none',
  ]),
  same('a certificate is its leaf alone as PEM', [FILES, 'a certificate becomes PEM of 64 columns, alone']),
]

const LOGINS: readonly Row[] = [
  same('pod identity is that of the pod of the mount', [
    MODE,
    'pod identity: of the pod, in the resource of the cloud',
  ]),
  same('workload identity: clientID and a service-account token', [
    MODE,
    'workload identity: clientID and the token of its audience',
  ]),
  differs(
    'a clientID wants a service-account token, whichever flag is set',
    [MODE, 'a flag decides: what other ways need is then not looked at'],
    'kv-one-way',
  ),
  differs(
    'whoever writes a class may log in with the identities of the node',
    [
      'src/keyvault/request/read-order.test.ts',
      'the identities of the node are for classes only where the operator says so',
    ],
    'kv-node-identity',
  ),
  same('a service principal is read from the keys clientid and clientsecret, in any case', [
    MODE,
    'service principal: keys in any case',
  ]),
  same('without any way to log in, the missing Secret is told', [
    MODE,
    'no way to log in is told in the old words',
  ]),
  same('the token of the audience is found; missing, empty and broken ones are told', [
    TOKEN,
    'what is missing or broken is told in the old words, without the token',
  ]),
  differs(
    'the audience is the same in every cloud',
    [MODE, 'in other clouds their own audience serves before the public one'],
    'kv-audience',
  ),
  same('the node’s identity: of the system, or by client id', [
    MODE,
    'VM identity: of the system, or the one with the client id',
  ]),
  differs(
    'identity bindings: clientID, a token of their audience, and a proxy with a name made of the cluster’s id',
    [MODE, 'identity binding of AKS is refused with what to use'],
    'kv-identity-binding',
  ),
  same('the scope at Entra is the resource of Key Vault in the cloud, with /.default', [
    'src/azure/entra-client.test.ts',
    'a federated assertion is sent as it is, with nothing of the client besides',
  ]),
  differs(
    'the tenant adfs logs in at AD FS',
    ['src/azure/entra-client.test.ts', 'AD FS is refused before anything is sent'],
    'kv-ad-fs',
  ),
]

export const KEYVAULT: readonly Row[] = [...CLASSES, ...CONTENTS, ...LOGINS, ...KEYVAULT_PROCESS]
