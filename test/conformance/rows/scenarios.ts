import { OLD_SCENARIOS } from '../../e2e/old-scenarios.ts'
import { type Row, section } from '../row.ts'

const scenario = section(10, 'scenario')
const weakness = section(11, 'weakness')
const ASSIGN = 'test/integration/mic-assignment.test.ts'
const FAULTS = 'test/integration/mic-faults.test.ts'
const TOKENS = 'test/integration/nmi-tokens.test.ts'
const LIFE = 'test/integration/redirect-life.test.ts'

/** In the order of the old system's list: each has its scenarios on a real cluster besides. */
const IN_ORDER: readonly Row[] = [
  scenario.same('identity works after the leader changes', [
    'test/integration/mic-crash.test.ts',
    'a MIC that is killed before or after any single write or ARM call leaves the same result as one that lives',
  ]),
  scenario.differs(
    'identity format rejected by policy',
    ['test/chart/definitions.test.ts', 'what podid cannot use is refused when it is written'],
    'definition-rules',
  ),
  scenario.same('an excepted pod bypasses NMI', [
    TOKENS,
    "an excepted pod gets the node's token, and that is counted and written down",
  ]),
  scenario.same('an init container gets a token: a pod that is Pending is served', [
    'test/conformance/nmi-tokens.test.ts',
    'a pod that is still Pending gets its token, as its init containers need it',
  ]),
  scenario.differs(
    'right status codes on each metadata endpoint',
    [
      'test/conformance/nmi-answers.test.ts',
      'each cause has its status, and with the old codes the one of AAD Pod Identity',
    ],
    'status-codes',
  ),
  scenario.same('a batch with invalid identities assigns the valid ones', [
    FAULTS,
    'twelve bad ones among forty, named one by one: the good ones are all assigned',
  ]),
  scenario.same('assigning an invalid identity does not unassign existing ones', [
    FAULTS,
    'an identity that podid may not assign is set apart, named with the command that mends it, and the rest goes through',
  ]),
  scenario.differs(
    'liveness probes',
    [
      'src/telemetry/probes.test.ts',
      'readiness names the failed check and answers 503, liveness stays on its own',
    ],
    'probes',
  ),
  scenario.same('identities added and removed at random: exactly the right ones remain', [
    'test/integration/mic-random.test.ts',
    'whatever happens to pods, bindings, Azure, the API server and MIC, in the end the groups hold what is wanted, what is foreign, and nothing else',
  ]),
  scenario.onCluster('assigned identities for 40 pods within 150 s'),
  scenario.same('label changed: new object, old one gone', [
    ASSIGN,
    'changing the label moves the pod from one identity to the other',
  ]),
  scenario.differs(
    'same identity and binding names in two namespaces',
    [
      ASSIGN,
      'identities of one name in two namespaces get objects of two names, and an old object keeps its name',
    ],
    'name-collision',
  ),
  scenario.same('an identity in use by another pod is not removed', [
    ASSIGN,
    'an identity that another pod of the same scale set uses stays, on whatever node that pod is',
  ]),
  scenario.same('an object ends when its identity was removed on Azure by hand', [
    ASSIGN,
    'an object can end when its identity was taken off by hand before',
  ]),
  scenario.same('system-assigned identity untouched', [
    ASSIGN,
    'what was on the VM before podid stays: system identity, identities of others, bound or not',
  ]),
  scenario.same('the user’s own identities on the VM untouched', [
    ASSIGN,
    'what was on the VM before podid stays: system identity, identities of others, bound or not',
  ]),
  scenario.same('immutable identity stays', [
    ASSIGN,
    'immutable, cluster and login identities stay though podid added them',
  ]),
  scenario.same('an identity removed by hand is put back', [
    ASSIGN,
    'an identity that was taken off by hand is put back by the next reconcile',
  ]),
  scenario.same('cluster identity stays', [
    ASSIGN,
    'immutable, cluster and login identities stay though podid added them',
  ]),
  scenario.same('retries after Retry-After succeed', [
    FAULTS,
    '429 with Retry-After is obeyed: no call about the group before that time',
  ]),
  scenario.same('service principal', [
    'test/integration/tokens-azure.test.ts',
    'a service principal gets its token with a secret, and a mended Secret works at once',
  ]),
  scenario.same('single identity, plain', [
    'test/integration/nmi-sdk.test.ts',
    'the SDK gets a token by managed identity and by default credential, and finds it in its cache again',
  ]),
  scenario.same('pod deleted: object gone', [
    ASSIGN,
    'when the last pod goes, the object is marked, the identity leaves, and only then the object ends',
  ]),
  scenario.same('AzureIdentity deleted: no token', [
    'test/conformance/nmi-tokens.test.ts',
    'a deleted AzureIdentity ends its tokens at once',
  ]),
  scenario.same('binding deleted: no token', [
    TOKENS,
    'a revoked binding ends the tokens at once, on the same connection',
  ]),
  scenario.same('identity fields changed: object updated', [
    ASSIGN,
    'a changed resource id is a new assignment in place: the new one comes, the old one goes',
  ]),
  scenario.same('the right identity passes, a wrong one fails', [
    'src/nmi/authorize.test.ts',
    'an identity that is not bound is refused with the bound ones',
  ]),
]

export const SCENARIOS: readonly Row[] = IN_ORDER.map((row, at) => ({
  ...row,
  e2e: OLD_SCENARIOS[at + 1] ?? [],
}))

export const WEAKNESSES: readonly Row[] = [
  weakness.differs(
    'pods before NMI on a new node reach IMDS',
    [
      'test/integration/mic-startup-taints.test.ts',
      'a new node keeps its start-up taint until the agent on it is ready, and loses no other one',
    ],
    'startup-taint',
  ),
  weakness.differs(
    'SIGTERM opens IMDS',
    [LIFE, 'an agent that stops in order leaves the rules too'],
    'rules-stay',
  ),
  weakness.differs(
    'a connection that a pod opened before the rules goes on to IMDS',
    [LIFE, 'a connection to IMDS that is older than the redirect *'],
    'conntrack',
  ),
  weakness.later(
    'host-network pods may ask the host door for the token of any local pod',
    'the door is as it was, for the CSI provider: a host-network pod has no address or device of its own to be told by',
  ),
  {
    ...weakness.differs(
      'the source address alone tells the pod, also when another pod has it by now',
      [
        'test/integration/caller-proof.test.ts',
        '*: an address that another pod has at once, while the watch is late, gives that pod nothing until its event',
      ],
      'caller-device',
    ),
    e2e: ['address-reused-at-once', 'pod-churn'],
  },
  {
    ...weakness.differs(
      'on kubenet a pod can take over the address of its neighbour',
      [
        'src/nmi/link/bridge-guard.test.ts',
        'a pod on a bridge gets no answer before its rules stand, and its waiting requests are told when they do',
      ],
      'bridge-guard',
    ),
    e2e: ['spoofed-address'],
  },
  weakness.differs(
    'a recreated identity of the same name needs removal by hand',
    [FAULTS, 'an identity that was made again under its name is taken off and put on again, in two requests'],
    'recreated',
  ),
  weakness.differs(
    'objects with finalizers stay when MIC is gone',
    ['test/integration/mic-drain.test.ts', 'a drain ends and leaves no object behind when Azure is gone'],
    'drain',
  ),
  weakness.differs(
    'polling in steps of 5 s',
    [
      'src/nmi/token-flow.test.ts',
      'a request for an identity that is being assigned is answered at the event, not at a tick',
    ],
    'waiting',
  ),
  weakness.differs(
    'each pod of a node waits for ARM, also for an identity that is there',
    [ASSIGN, 'an identity that is on the scale set already makes other pods Assigned without any ARM call'],
    'group-queues',
  ),
  weakness.differs(
    'all pods are listed to find one address',
    ['src/nmi/caller.test.ts', 'a pod is found by each of its addresses, IPv4 and IPv6'],
    'caller-wait',
  ),
  weakness.differs(
    'the check whether an identity is in use grows with the square of the cluster',
    [
      'src/mic/router.test.ts',
      'the scale set hears of an identity when its first pod comes and when its last one goes, not in between',
    ],
    'mic-incremental',
  ),
  weakness.differs(
    'pods with an IPv6 address only are not served',
    ['src/nmi/caller.test.ts', 'a pod is found by each of its addresses, IPv4 and IPv6'],
    'ipv6',
  ),
  weakness.differs(
    'IMDS throttles at about 20 requests a second',
    [
      'test/integration/tokens-azure.test.ts',
      'forty tokens at once stay below the limits that IMDS enforces',
    ],
    'upstream-limits',
  ),
  {
    ...weakness.onCluster('network policies that block 127.0.0.1:2579 keep tokens from pods'),
    e2e: ['network-policies'],
  },
  weakness.differs(
    'an address that two pods have is 500',
    ['src/nmi/caller.test.ts', 'an address of two live pods is nobody until one of them has ended'],
    'status-codes',
  ),
  weakness.same('identities cross namespaces unless told otherwise', [
    'src/model/match.test.ts',
    'a namespaced identity serves its own namespace only, an open one every namespace',
  ]),
]
