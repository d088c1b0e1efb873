import { type Row, section } from '../row.ts'

const choice = section(3, 'choice')
const token = section(4, 'token')
const AUTHORIZE = 'src/nmi/authorize.test.ts'
const FLOW = 'src/nmi/token-flow.test.ts'
const CONFIG = 'src/nmi/config.test.ts'
const PRINCIPAL = 'src/tokens/service-principal.test.ts'

export const NMI_CHOICE: readonly Row[] = [
  choice.same('standard mode gives an identity whose AzureAssignedIdentity names the pod', [
    AUTHORIZE,
    'in standard mode a pod gets its identity when the chain holds and the object says Assigned',
  ]),
  choice.differs(
    'the object alone is enough: binding and identity are not looked at again',
    [AUTHORIZE, 'the object alone is not enough: without binding, identity or label there is no grant'],
    'chain-and-object',
  ),
  choice.same('an object without a state counts as assigned', [
    AUTHORIZE,
    'an object of an old release without a state counts as Assigned',
  ]),
  choice.differs(
    'the objects of a node are found by label only with --enableScaleFeatures',
    ['test/conformance/flags.test.ts', 'flags that have lost their meaning are accepted and change nothing'],
    'flags-without-effect',
  ),
  choice.same('a request that names no identity gets one that is assigned', [
    AUTHORIZE,
    'of several identities the first that is assigned is given when none is named',
  ]),
  choice.differs(
    'of several it is the first in the order of the list',
    [AUTHORIZE, 'a choice among several is told, two bindings to one identity are none'],
    'first-of-several',
  ),
  choice.differs(
    'a named identity is found without regard to case while waiting, and with it when choosing',
    [AUTHORIZE, 'an identity is named by client id, resource id or object id, without regard to case'],
    'case',
  ),
  choice.same('a named identity that is not assigned to the pod is never replaced by another', [
    AUTHORIZE,
    'an identity that is named waits for itself and never falls back to another',
  ]),
  choice.differs(
    'a request polls every 5 s for its identity',
    [FLOW, 'a request for an identity that is being assigned is answered at the event, not at a tick'],
    'waiting',
  ),
  choice.same('16 tries without an object and 4 more with one, 5 s apart, bound the wait', [
    CONFIG,
    'the old retry flags keep their product: 80 s while no object exists, 100 s once it does',
  ]),
  choice.differs(
    'a request may wait 100 s',
    [CONFIG, 'a request ends by default before the minute after which the SDK of Go gives up'],
    'waiting',
  ),
  choice.differs(
    'a pod whose binding comes after it waits for the whole time as well',
    [FLOW, 'a young pod without a binding is refused for good after its moment'],
    'young-pod',
  ),
  choice.differs(
    'a failed assignment looks like one that takes its time',
    [AUTHORIZE, 'a failed assignment is refused at once with the words of MIC'],
    'failed-assignment',
  ),
  choice.same('managed mode takes bindings and identities of the pod’s namespace and does not wait', [
    FLOW,
    'managed mode needs no object of MIC and waits for nothing',
  ]),
  choice.same('managed mode never crosses a namespace', [
    AUTHORIZE,
    'in managed mode the chain is enough, and it never crosses a namespace',
  ]),
  choice.differs(
    'managed mode must be told --forceNamespaced',
    ['test/conformance/nmi-answers.test.ts', 'managed mode keeps to namespaces without being told to'],
    'managed-namespaced',
  ),
  choice.same('matching bindings are sorted by name', [
    'src/model/match.test.ts',
    'a pod gets every identity whose binding selects its label, in order of the binding name',
  ]),
  choice.differs(
    'an identity that is not found is "not found", whatever is missing',
    [
      'test/integration/nmi-sdk.test.ts',
      'what the SDK prints names the broken link, the near match, the remedy and the request id',
    ],
    'refusal-texts',
  ),
]

export const NMI_TOKENS: readonly Row[] = [
  token.same('type 0 asks IMDS by the client id of the identity', [
    'src/tokens/imds-source.test.ts',
    'an AzureIdentity is asked for by its client id, without one by its resource id',
  ]),
  token.same('an AzureIdentity without any id never gets the identity of the node', [
    'src/tokens/imds-source.test.ts',
    'an AzureIdentity without any id never becomes a request for the identity of the node',
  ]),
  token.same('type 1 sends the first value of any key of its Secret', [
    PRINCIPAL,
    'a service principal asks its tenant with the first value of its Secret, read anew each time',
  ]),
  token.differs(
    'which key is first is chance, and line ends are part of the value',
    [
      'test/conformance/nmi-tokens.test.ts',
      'of several keys the first by name is the secret, without the line ends of its file',
    ],
    'secret-value',
  ),
  token.same('adEndpoint is the authority, by default that of the public cloud', [
    PRINCIPAL,
    'an adEndpoint is used when it is a plain https address',
  ]),
  token.differs(
    'any Secret of the cluster that an AzureIdentity names is read and sent to its adEndpoint',
    [PRINCIPAL, 'a Secret of another namespace is not sent to an address that only the AzureIdentity names'],
    'secret-reach',
  ),
  token.same('type 2 reads PKCS#12 bytes from key certificate and the password from key password', [
    PRINCIPAL,
    'a certificate is opened once for each version of its Secret',
  ]),
  token.differs(
    'Secrets are read once for each request',
    [
      'src/tokens/broker.test.ts',
      'a rotated Secret is used at once, also while the refusal of the old one is held',
    ],
    'secret-watch',
  ),
  token.differs(
    'a service principal that Entra refuses is asked for again by each request',
    ['src/tokens/hold-off.test.ts', 'a permanent refusal is repeated for some seconds without asking again'],
    'hold-off',
  ),
  token.same('client ids are shortened in logs', [
    'src/tokens/token-key.test.ts',
    'client ids are shortened for logs',
  ]),
]
