import { type Row, section } from '../row.ts'

const { same, differs } = section(2, 'nmi-http')
const DOORS = 'test/integration/nmi-tokens.test.ts'
const ANSWERS = 'test/conformance/nmi-answers.test.ts'
const TARGET = 'src/nmi/request-target.test.ts'
const TARGETS = 'src/nmi/request-target.property.test.ts'
const CALLER = 'src/nmi/caller.test.ts'
const FLOW = 'src/nmi/token-flow.test.ts'

export const NMI_DOORS: readonly Row[] = [
  same('NMI listens on 127.0.0.1:2579 unless told otherwise', [
    'src/cli/flag-command.test.ts',
    'defaults are those of AAD Pod Identity',
  ]),
  same('the token path is understood with metadata in any case', [
    TARGET,
    'every spelling of the token path that an SDK sends is the token path',
  ]),
  differs(
    'whatever begins with the token path is a token request',
    [TARGET, 'credential paths and everything unknown are not there, in any spelling'],
    'exact-paths',
  ),
  same('a path that only looks like the token path gets 400 (CVE-2022-23551)', [
    TARGET,
    'what only looks like the token path is refused as malformed, as the old guard did',
  ]),
  differs(
    'the guard is one pattern; other spellings go on to IMDS as they came',
    [
      TARGETS,
      'what a lenient IMDS would read as a token or credential path is answered as a token request or refused',
    ],
    'canonical-paths',
  ),
  differs(
    'everything that is no known route is proxied to IMDS with method, headers and body',
    [DOORS, 'metadata other than tokens is asked of IMDS anew and passed back'],
    'no-proxy',
  ),
  differs(
    'paths of newer releases of IMDS that issue credentials are proxied',
    [DOORS, 'the credential paths of newer SDKs are not there, with and without the header'],
    'credential-paths',
  ),
  differs(
    'any verb, body and X-Forwarded-For is taken',
    [DOORS, 'refusals by the form of the request: verb, proxy header, body, resource, path'],
    'request-form',
  ),
  differs(
    'a failure to reach IMDS for proxied paths is 500',
    [DOORS, 'an IMDS that fails, hangs up or answers HTML becomes a JSON refusal that is retryable'],
    'status-codes',
  ),
  same('with --block-instance-metadata /metadata/instance in any case of metadata gets 403', [
    DOORS,
    'blocked instance metadata is refused to pods and given to excepted ones',
  ]),
  differs(
    'blocked instance metadata is blocked for excepted pods too',
    [DOORS, 'blocked instance metadata is refused to pods and given to excepted ones'],
    'blocked-metadata',
  ),
  same('without Metadata: true a request gets 400 and the literal body of IMDS', [
    DOORS,
    'a probe without the metadata header gets the words of IMDS, starts no work and is no refusal',
  ]),
  same('--metadata-header-required=false takes requests without the header', [
    DOORS,
    'the metadata header can be made optional, as the old flag did',
  ]),
  same('a token request without resource gets 400 "parameter resource cannot be empty"', [
    DOORS,
    'refusals by the form of the request: verb, proxy header, body, resource, path',
  ]),
  differs(
    'refusals other than that of the missing header are plain text',
    [DOORS, 'a refusal names the broken link in the body, in the audit line and in the metric'],
    'json-bodies',
  ),
  differs(
    'only callers with an IPv4 address are served',
    [CALLER, 'a pod is found by each of its addresses, IPv4 and IPv6'],
    'ipv6',
  ),
  same("the pod is found by status.podIP among this node's Pending and Running pods", [
    CALLER,
    'host-network pods and finished pods own no address',
  ]),
  differs(
    'an address that is not found is looked for 4 more times, 300 ms apart, in all pods of the node',
    [CALLER, 'when no event comes the API is read once, for all who ask about that address'],
    'caller-wait',
  ),
  differs(
    'an address with no pod or several is 500',
    [ANSWERS, 'an address with no pod or with two gets 503 and a time to retry, and 500 with the old codes'],
    'status-codes',
  ),
  same("one equal label of an exception in the pod's namespace is enough to except it", [
    'src/model/exception.test.ts',
    'one equal label in the same namespace is enough',
  ]),
  same("pods of a ReplicaSet mic... in MIC's namespace are excepted", [
    'src/model/exception.test.ts',
    "the controller's own pods are known by namespace and ReplicaSet",
  ]),
  differs(
    'that is so in managed mode too',
    [FLOW, "MIC's own pods get the node's identity in standard mode alone"],
    'mic-pods-managed',
  ),
  same("an excepted pod gets the node's identity: system-assigned, or the one that it names", [
    ANSWERS,
    "an excepted pod gets the node's system-assigned identity, or the one it names",
  ]),
  differs(
    'an identity that is not found is 404 in plain text',
    [ANSWERS, 'each cause has its status, and with the old codes the one of AAD Pod Identity'],
    'status-codes',
  ),
  differs(
    'with --set-retry-after-header it is 503 and Retry-After: 20',
    [ANSWERS, 'Retry-After comes with each cause that passes, and as 20 seconds with both old flags'],
    'retry-after',
  ),
  differs(
    'a token that is refused or fails upstream is 403, with a failed health check of upstream 503',
    [DOORS, 'refusals of upstream keep their cause, status and Retry-After'],
    'status-codes',
  ),
  same('client_id, and msi_res_id or mi_res_id, name the identity', [
    TARGET,
    'each name of a selector is understood, and an empty one is absent',
  ]),
  differs(
    'object_id is not understood',
    [
      'test/integration/nmi-sdk.test.ts',
      'the SDK chooses among several identities by client id, resource id and object id',
    ],
    'object-id',
  ),
  differs(
    'of a name that stands twice the first counts',
    [TARGET, 'a known name that stands twice, and two selectors at once, are refused'],
    'request-form',
  ),
  same(
    'a token is JSON whose values are all strings: access_token, refresh_token, expires_in, expires_on, not_before, resource, token_type',
    [DOORS, 'a bound pod gets the token in the form of IMDS, all values strings'],
  ),
  differs(
    'client_id and ext_expires_in are not in it',
    ['src/nmi/token-body.test.ts', 'the body holds the fields of IMDS, each a string'],
    'token-fields',
  ),
  same('with auxiliaryTenantIDs it is an array, the primary tenant first', [
    ANSWERS,
    'with auxiliary tenants a pod gets an array, the primary tenant first, and the host door one object',
  ]),
  same('the host door wants headers podns and podname, else 400', [
    DOORS,
    'the host door refuses what names no pod, no live pod, or an identity that is not its own',
  ]),
  differs(
    'the host door answers 500 to any address but 127.0.0.1',
    [ANSWERS, 'each cause has its status, and with the old codes the one of AAD Pod Identity'],
    'status-codes',
  ),
  same('the host door answers {"token":{...},"clientid":"..."}, and none of the numbers is an empty string', [
    DOORS,
    'the host door gives a node component the token of the pod that it names',
  ]),
  differs(
    'no token is cached: each request goes upstream',
    [
      'src/tokens/cache.test.ts',
      'the first request goes upstream, the next is served from memory, and both are counted',
    ],
    'token-cache',
  ),
  differs(
    'nothing limits the requests to IMDS, and none is tried again',
    [
      'src/tokens/broker.test.ts',
      'three hundred different tokens are fetched below the limits of IMDS, and every pod gets its own',
    ],
    'upstream-limits',
  ),
  differs(
    'connections, headers and times of a client have the bounds of the HTTP library',
    [
      'test/integration/nmi-hostile.test.ts',
      'a pod that opens thousands of connections is told, then cut, and others are served',
    ],
    'connection-limits',
  ),
  same('/healthz answers 200 with Active or Not Active', [
    'src/telemetry/probes.test.ts',
    'readiness names the failed check and answers 503, liveness stays on its own',
  ]),
  differs(
    'there is no probe that fails',
    [
      'src/telemetry/probes.test.ts',
      'readiness names the failed check and answers 503, liveness stays on its own',
    ],
    'probes',
  ),
  differs(
    'who got which token is not written down',
    ['src/nmi/audit.test.ts', 'a granted token leaves one line with who, what and how long'],
    'audit-line',
  ),
]
