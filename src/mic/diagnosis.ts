import { type ArmError, BUDGET_SPENT, LOGIN_FAILED, principalNamedIn } from '../azure/arm.ts'
import { type Refusal, refuse } from '../model/refusal.ts'
import { type ComputeGroup, type ManagedIdentityId, parseManagedIdentityId } from '../model/resource-id.ts'

/** What a read of a rejected identity showed. */
export type RejectionCause = 'deleted' | 'not-permitted' | 'unclear'

/** Code of the error for a VM or scale set that ARM shows as `Deleting`. */
export const BEING_DELETED = 'Deleting'

/** `scale set pool` or `VM node-1`: the group as people know it. */
function groupName(group: ComputeGroup): string {
  return `${group.kind === 'vmss' ? 'scale set' : 'VM'} ${group.name}`
}

/** Why one identity cannot be put on a group, or taken off it, and the command that mends it. Stable text. */
export function rejectionRefusal(
  id: string,
  group: ComputeGroup,
  { cause, principal, removal = false }: { cause: RejectionCause; principal: string; removal?: boolean },
): Refusal {
  const parsed = parseManagedIdentityId(id)
  const what = removal ? 'taken off' : 'assigned to'
  const opening = `identity ${id} cannot be ${what} ${groupName(group)}: `
  if (cause === 'deleted') {
    return refuse('assignment-failed', `${opening}it does not exist on Azure. ${createCommand(parsed)}`)
  }
  const grant = grantCommand('Managed Identity Operator', principal, id)
  if (cause === 'not-permitted') {
    return refuse('assignment-failed', `${opening}podid's principal may not assign it. ${grant}`)
  }
  return refuse(
    'assignment-failed',
    `${opening}it does not exist on Azure, or podid's principal may neither read nor assign it. ` +
      `${createCommand(parsed)}, or ${grant}`,
  )
}

/** Why nothing can be done about a whole VM or scale set. Stable: no trace id, time or counter of ARM's message. */
export function groupRefusal(group: ComputeGroup, error: ArmError, principal: string): Refusal {
  const name = groupName(group)
  switch (error.fault) {
    case 'missing':
      return refuse('assignment-failed', `${name} of the node does not exist on Azure (${error.code})`)
    case 'denied': {
      const grant = grantCommand(
        'Virtual Machine Contributor',
        principalNamedIn(error.message) ?? principal,
        group.id,
      )
      return refuse('assignment-failed', `podid's principal may not read or change ${name}. ${grant}`)
    }
    case 'throttled':
      return refuse('assignment-failed', throttledText(name, error))
    case 'conflict':
      return refuse('assignment-failed', conflictText(name, error))
    case 'unavailable':
      if (error.code === LOGIN_FAILED) {
        return refuse(
          'assignment-failed',
          `podid cannot log in to Azure, so ${name} is not changed: check the credentials of MIC (azure.json)`,
        )
      }
      return refuse('assignment-failed', `Azure did not answer about ${name} as it should; podid tries again`)
    case 'rejected':
    case 'invalid':
      break
  }
  return refuse('assignment-failed', `Azure refused to change ${name} (${error.code || error.status})`)
}

function throttledText(name: string, { code }: ArmError): string {
  return code === BUDGET_SPENT
    ? `the calls to ARM that podid allows itself (--arm-calls-per-hour) are used up; ${name} waits for its turn`
    : `Azure limits the rate of calls about ${name}; podid waits as told`
}

function conflictText(name: string, { code }: ArmError): string {
  return code === BEING_DELETED
    ? `${name} is being deleted on Azure`
    : `another operation is running on ${name}; podid waits for its end`
}

/** The node exists in Kubernetes and its provider id is no VM and no scale set of Azure. */
export function noGroupRefusal(nodeName: string, providerId: string): Refusal {
  const found =
    providerId === '' ? 'has no spec.providerID' : `has spec.providerID ${providerId.slice(0, 200)}`
  return refuse(
    'assignment-failed',
    `node ${nodeName} ${found}, so its VM or scale set is unknown; ` +
      'expected azure:///subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.Compute/...',
  )
}

function createCommand(id: ManagedIdentityId | undefined): string {
  if (id === undefined) return 'Create it'
  return (
    `Create it: az identity create --name ${word(id.name)} --resource-group ${word(id.resourceGroup)} ` +
    `--subscription ${word(id.subscription)}`
  )
}

function grantCommand(role: string, principal: string, scope: string): string {
  const assignee = principal === '' ? "<object id of podid's principal>" : principal
  return `Grant it: az role assignment create --role "${role}" --assignee ${assignee} --scope ${word(scope)}`
}

/**
 * One word of a shell. Resource groups may have brackets, and an AzureIdentity is written by people who
 * must not be able to put a command into the line that an operator copies. Ids never hold a quote.
 */
function word(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text}'`
}
