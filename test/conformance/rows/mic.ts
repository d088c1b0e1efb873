import { type Row, section } from '../row.ts'

const { same, differs } = section(6, 'mic')
const ASSIGN = 'test/integration/mic-assignment.test.ts'
const FAULTS = 'test/integration/mic-faults.test.ts'
const LEASE = 'src/kube/lease.test.ts'
const CLOUD = 'src/azure/cloud-config.test.ts'

export const MIC: readonly Row[] = [
  differs(
    'one global loop computes the whole cluster anew at each event',
    ['src/mic/router.test.ts', 'one event concerns the same few pods in a cluster of 200 and of 4,000'],
    'mic-incremental',
  ),
  same('--syncRetryDuration compares everything again, the reconcile interval looks at Azure', [
    ASSIGN,
    'an identity that was taken off by hand is put back by the next reconcile',
  ]),
  same('a pod with a node and the label, a binding of that selector and its identity make an assignment', [
    ASSIGN,
    'a pod, its binding and its identity become an object, one GET, one PATCH and Assigned',
  ]),
  same('a binding names an identity of its own namespace', [
    'src/model/match.test.ts',
    'the binding names an identity of its own namespace, never one of the same name elsewhere',
  ]),
  same('the form of resource ids is checked in any case, and a malformed one is ignored', [
    'src/model/resource-id.test.ts',
    'an identity id is the same in every spelling that ARM accepts',
  ]),
  differs(
    'a malformed id is a line in the log, and text around a good id is no fault',
    [FAULTS, 'a host-network pod with the label, a missing and an invalid AzureIdentity are told on the pod'],
    'strict-identities',
  ),
  differs(
    'an assignment is written anew when the resourceVersion of its binding or identity changes',
    [ASSIGN, 'a label or annotation on an AzureIdentity writes no object again'],
    'no-needless-writes',
  ),
  same('a changed identity or binding replaces the object in place', [
    ASSIGN,
    'a changed resource id is a new assignment in place: the new one comes, the old one goes',
  ]),
  same('objects are grouped by VM or, from spec.providerID, by scale set', [
    'src/model/resource-id.test.ts',
    'provider ids of scale set instances and VMs are read in any case',
  ]),
  same('an object is created as Created, then one GET and one PATCH of the group, then Assigned', [
    ASSIGN,
    'a pod, its binding and its identity become an object, one GET, one PATCH and Assigned',
  ]),
  differs(
    'all groups wait for the slowest of a cycle',
    [FAULTS, 'trouble with one scale set does not delay another'],
    'group-queues',
  ),
  differs(
    'an object that is to go is set to Unassigned',
    [
      ASSIGN,
      'when the last pod goes, the object is marked, the identity leaves, and only then the object ends',
    ],
    'unassigned-state',
  ),
  same('Events on the binding: binding applied, binding apply error, binding removed, binding remove error', [
    'test/conformance/mic-events.test.ts',
    'the binding hears of assignment, failure and removal under the old reasons',
  ]),
  differs(
    'an AzureAssignedIdentity whose status cannot be written gets the Event status update error',
    [FAULTS, 'a failing API server delays only what it fails, and all is well when it is back'],
    'status-update-event',
  ),
  differs(
    'the pod hears nothing',
    [
      FAULTS,
      'a broken chain is told on the pod, once, with the near match, and not while a chart is still being applied',
    ],
    'pod-events',
  ),
  same('an identity that another pod of the VM or the scale set uses stays', [
    ASSIGN,
    'an identity that another pod of the same scale set uses stays, on whatever node that pod is',
  ]),
  same('identities of --immutable-user-msis and the cluster’s own never leave', [
    ASSIGN,
    'immutable, cluster and login identities stay though podid added them',
  ]),
  differs(
    'an identity that was on the node before MIC leaves with the last pod that is bound to it',
    [ASSIGN, 'what was on the VM before podid stays: system identity, identities of others, bound or not'],
    'ownership',
  ),
  differs(
    'identities of objects that the old MIC wrote leave with their last pod',
    [
      FAULTS,
      'objects of AAD Pod Identity stay Assigned without an ARM write, and their identities are not taken off',
    ],
    'adoption',
  ),
  same('service principals never touch ARM', [
    ASSIGN,
    'service principals never touch ARM and are Assigned at once, also on a node that is not of Azure',
  ]),
  same('a PATCH names changed ids only, lower-cased: {} adds, null removes', [
    'test/integration/mic-arm.test.ts',
    'through the real SDK: good identities are assigned beside one that does not exist, in bodies with the identity block only',
  ]),
  same('the system-assigned identity stays in the type of a PATCH', [
    'test/integration/arm-client.test.ts',
    'identities are added and removed by one merge each, and the system-assigned one stays',
  ]),
  same('the type becomes None when the last identity goes', [
    'test/integration/arm-client.test.ts',
    'the last identity leaves a VM that has no system-assigned one',
  ]),
  same('more than 150 identities go in slices of 150', [
    ASSIGN,
    '400 identities go in slices of at most 150 without help',
  ]),
  same('a VM in state Deleting gets no PATCH', [
    FAULTS,
    'a VM in state Deleting gets no request, and its objects end with it',
  ]),
  same('Retry-After of ARM stops all calls until then', [
    'src/azure/arm-budget.test.ts',
    'a pause that ARM asked for holds every call until it is over, and a shorter one does not end it',
  ]),
  differs(
    'so does one for a single VM or scale set',
    ['src/azure/arm-policy.test.ts', "a limit of one scale set or kind of call is no other's"],
    'arm-limits',
  ),
  same('the SDK does not try 429 again', [
    'test/integration/mic-arm.test.ts',
    'throttling and conflicts of the PATCH itself are not tried again by the SDK',
  ]),
  differs(
    'calls to ARM have no budget',
    [
      'src/azure/arm-budget.test.ts',
      'the budget allows so many calls an hour and says when there is one again',
    ],
    'arm-budget',
  ),
  same(
    'identities named by LinkedAuthorizationFailed or FailedIdentityOperation are left out, the rest goes through',
    [
      FAULTS,
      'an identity that podid may not assign is set apart, named with the command that mends it, and the rest goes through',
    ],
  ),
  differs(
    'after --update-user-msi-max-retry such retries the rest of the request fails',
    [FAULTS, 'twelve bad ones among forty, named one by one: the good ones are all assigned'],
    'set-apart',
  ),
  differs(
    'a dead identity on a VM makes every change of it fail',
    [
      FAULTS,
      'a dead identity that is on the scale set already is taken off so that others can be added, whoever put it there',
    ],
    'dead-identities',
  ),
  differs(
    'a node that is gone takes its objects with it at once',
    [ASSIGN, 'a node that vanished frees its objects without ARM, and a scale set that lives on is cleaned'],
    'node-gone',
  ),
  differs(
    'MIC watches all pods of the cluster',
    [
      'src/cli/mic/stores.test.ts',
      'MIC watches the pods that have the label, and all of its other kinds; a refresh lists each anew',
    ],
    'labelled-pods',
  ),
  differs(
    'a VM that Azure does not find has no identities from then on',
    [
      FAULTS,
      'one 404 for a scale set that is in use takes nothing from its pods, and ownership is not forgotten',
    ],
    'missing-once',
  ),
  same('reconcile puts back what Azure lost', [
    ASSIGN,
    'an identity that was taken off by hand is put back by the next reconcile',
  ]),
  differs(
    'reconcile removes nothing',
    [ASSIGN, 'a leaked identity that podid once added is removed by the next leader, one of others is not'],
    'reconcile-removes',
  ),
  differs(
    'a pod that finished keeps its identities until it is deleted',
    [ASSIGN, 'a pod that finished releases its identity while its object is still there'],
    'finished-pods',
  ),
  differs(
    'the leader lock is an Endpoints object',
    [LEASE, 'with two locks nobody leads with one of them'],
    'leader-lock',
  ),
  same('lock aad-pod-identity-mic in default, 15 s', [
    'test/conformance/flags.test.ts',
    'the lock of MIC has the name, place and duration that it had',
  ]),
  differs(
    'the lock is renewed within 7.5 s, retried after 3.75 s',
    [
      'test/conformance/flags.test.ts',
      'the lead is given up after two thirds of the duration without a renewal, which is tried every two seconds',
    ],
    'lock-patience',
  ),
  differs(
    'a new leader acts on what its caches hold',
    ['src/mic/mic.test.ts', 'a new leader writes nothing before its stores are as new as the API server'],
    'fresh-leader',
  ),
  differs(
    'a lost lead ends the process with 1',
    [
      LEASE,
      'thirty seconds of a stalled server end the term before anybody may lead, and then it leads again',
    ],
    'lost-lead',
  ),
  same('azure.json gives cloud, tenant, login and cluster identity', [
    CLOUD,
    'a service principal and a managed identity are read from azure.json',
  ]),
  differs(
    'subscription, resource group, vmType and securityGroupName of azure.json decide where MIC looks',
    [
      'test/conformance/cloud-config.test.ts',
      'what azure.json says of subscription, group and VM type is accepted and not needed',
    ],
    'provider-id-decides',
  ),
  same('azure.json is watched and read again on a write', [
    'test/conformance/cloud-config.test.ts',
    'a written azure.json is used without a restart, and one that cannot be read is not',
  ]),
  same('without --cloudconfig the environment of the chart is read', [
    CLOUD,
    "the environment of the old chart's adminsecret is understood",
  ]),
  same('clouds: public, US Government, China, Germany', [
    'src/azure/clouds.test.ts',
    'a cloud is found without case, under the names of azure.json and of the CLI, and public by default',
  ]),
  same('AzureStackCloud is read from the file of AZURE_ENVIRONMENT_FILEPATH', [
    'test/conformance/cloud-config.test.ts',
    'a custom cloud is read from the file that AZURE_ENVIRONMENT_FILEPATH names',
  ]),
]
