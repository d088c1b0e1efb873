import { type Row, section } from '../row.ts'

const { same, differs } = section(1, 'resource')
const KINDS = 'test/conformance/resources.test.ts'
const ASSIGNED = 'src/model/assigned.test.ts'
const PROJECTION = 'src/kube/resources/projection.test.ts'
const MIC = 'test/integration/mic-assignment.test.ts'
const MATCH = 'src/model/match.test.ts'

export const RESOURCES: readonly Row[] = [
  same(
    'four namespaced kinds in aadpodidentity.k8s.io/v1, with their plurals and the annotation unapproved',
    [KINDS, 'the four kinds have the group, names, scope and annotation that they always had'],
  ),
  same('spec and status of each kind have the fields of the old release, the unused ones too', [
    KINDS,
    'every field of the old kinds is in the schemas',
  ]),
  same(
    'kubectl shows Type, ClientID, Age of an AzureIdentity and AzureIdentity, Selector, Age of a binding',
    [KINDS, 'kubectl shows the columns that it always showed, and more for the other two kinds'],
  ),
  differs(
    'an AzureAssignedIdentity and an exception have no printer columns of their own',
    [KINDS, 'kubectl shows the columns that it always showed, and more for the other two kinds'],
    'printer-columns',
  ),
  same('weight of a binding is stored and chooses nothing', [
    KINDS,
    'the weight of a binding is accepted and no part of what is read',
  ]),
  same('an AzureAssignedIdentity embeds identity and binding whole', [
    ASSIGNED,
    'the manifest holds identity and binding whole, as old readers expect them',
  ]),
  same('the status of an AzureAssignedIdentity is Created, Assigned, Unassigned or, of old releases, empty', [
    PROJECTION,
    'an AzureAssignedIdentity without a status is one of an old release and reads as assigned',
  ]),
  differs(
    'the status of an AzureAssignedIdentity says the state only',
    [
      PROJECTION,
      'an AzureAssignedIdentity carries the embedded objects whole, and the reason beside the old status',
    ],
    'status-reason',
  ),
  same('the pod label aadpodidbinding must equal the selector of a binding as plain text', [
    MATCH,
    'a selector must equal the label letter for letter',
  ]),
  same('annotation Behavior: namespaced keeps identity, binding and pod in one namespace', [
    MATCH,
    'a namespaced identity serves its own namespace only, an open one every namespace',
  ]),
  same('--forceNamespaced or FORCENAMESPACED=true does so for all identities', [
    'test/conformance/flags.test.ts',
    'FORCENAMESPACED keeps both components to namespaces, and the flag wins over it',
  ]),
  same('an AzureAssignedIdentity is named pod-namespace-identity', [
    ASSIGNED,
    'the name is pod, namespace and identity, as it always was',
  ]),
  same('label nodename and the finalizer azureassignedidentity.finalizers.aadpodidentity.k8s.io are on it', [
    ASSIGNED,
    'the manifest holds identity and binding whole, as old readers expect them',
  ]),
  same('it is kept by the finalizer until the identity is off the node', [
    MIC,
    'when the last pod goes, the object is marked, the identity leaves, and only then the object ends',
  ]),
  same('it lives in the namespace of a namespaced identity, else in default', [
    ASSIGNED,
    'the object lives in default, or with its identity in namespaced mode',
  ]),
  differs(
    'two identities of one name in two namespaces collide: the first wins, the other is a line in the log',
    [
      MIC,
      'identities of one name in two namespaces get objects of two names, and an old object keeps its name',
    ],
    'name-collision',
  ),
  differs(
    'a name longer than Kubernetes allows fails at every try',
    [ASSIGNED, 'a name that is too long is cut and hashed to a valid one that stays the same'],
    'name-collision',
  ),
  differs(
    'a step at start rewrites objects with upper-case keys once and notes that in a ConfigMap',
    [PROJECTION, 'field names of very old objects are read, and the present spelling wins'],
    'type-upgrade',
  ),
  differs(
    'an AzureIdentity with a field that cannot work is found out when a token is asked for, if at all',
    [PROJECTION, 'each wrong field of an AzureIdentity is a problem that begins with its name'],
    'strict-identities',
  ),
  differs(
    'a Secret reference without a namespace names no Secret',
    [PROJECTION, 'a Secret reference without a namespace means the namespace of the identity'],
    'strict-identities',
  ),
]
