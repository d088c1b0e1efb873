import { type Row, section } from '../row.ts'

const { same, differs } = section(5, 'node')
const PLAN = 'src/nmi/redirect/plan.test.ts'
const REDIRECT = 'src/nmi/redirect/redirect.test.ts'
const PREFLIGHT = 'src/nmi/redirect/preflight.test.ts'

export const NODE: readonly Row[] = [
  same('chain aad-metadata in table nat with the DNAT rule and RETURN, word for word', [
    PLAN,
    'the rules of the old agent are recognised as the wanted ones',
  ]),
  same('the jump stands at position 1 of PREROUTING', [
    PLAN,
    'an empty table gets chain, rules and jump in one transaction',
  ]),
  same('the target is 127.0.0.1 when NMI listens there, else the listen address', [
    PLAN,
    'an agent behind a wildcard or localhost is redirected to by 127.0.0.1, another by its address',
  ]),
  same('route_localnet is needed for a target on loopback', [
    PREFLIGHT,
    'route_localnet is written only when it is off',
  ]),
  differs(
    'nothing keeps neighbours from other services on the loopback of the node',
    [PLAN, 'only a redirect to loopback brings the guard'],
    'loopback-guard',
  ),
  same('the rules are checked every --ipt-update-interval-sec', [
    'src/nmi/redirect/keep-loop.test.ts',
    'the rules are looked at on the interval, and only a later change counts as a repair',
  ]),
  differs(
    'a chain that differs is flushed and built again rule by rule, open in between',
    [
      'src/nmi/redirect/plan.property.test.ts',
      'from any state one repair makes all chains right, keeps what is foreign in its order, and a second has nothing to do',
    ],
    'atomic-rules',
  ),
  differs(
    'iptables is the one that the image has',
    ['src/nmi/redirect/backend.test.ts', 'the mark of kubelet counts more than any number of rules'],
    'iptables-backend',
  ),
  differs(
    'on SIGTERM the rules are removed, and pods reach IMDS',
    ['test/integration/redirect-life.test.ts', 'an agent that stops in order leaves the rules too'],
    'rules-stay',
  ),
  same('a removal on stop is followed by a wait of 10 s', [
    REDIRECT,
    'as the old agent, if so configured: on stop the rules go, and 10 seconds pass',
  ]),
  differs(
    'entries of conntrack to the metadata address are deleted only with --enable-conntrack-deletion',
    [REDIRECT, 'start writes nat and raw by one call, then cuts older connections'],
    'conntrack',
  ),
  same(
    'on kubenet NMI does not start unless --allow-network-plugin-kubenet, and an unreadable kubelet file is fatal',
    [PREFLIGHT, 'kubenet is refused, allowed by the flag, and a kubelet file that cannot be read is fatal'],
  ),
  differs(
    'a second agent on a node is noticed by its port, if at all',
    [
      'test/integration/redirect-refusals.test.ts',
      'a second agent on the node is refused and told who holds it; the first goes on',
    ],
    'node-lock',
  ),
  differs(
    'what is missing on the node shows when the first command fails',
    [PREFLIGHT, 'all problems are told at once, each with what to do'],
    'preflight',
  ),
]
