import * as v from 'valibot'
import type { Control } from '../state/control.ts'

const id = v.pipe(v.string(), v.minLength(1))

const rights = v.optional(v.array(id), [])

const controlSchema = v.variant('action', [
  v.strictObject({
    action: v.literal('failNextOperations'),
    count: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000)),
    code: v.string(),
    message: v.string(),
  }),
  v.strictObject({
    action: v.literal('setProvisioningState'),
    id,
    state: v.picklist(['Succeeded', 'Updating', 'Failed', 'Deleting', 'Creating']),
  }),
  v.strictObject({ action: v.literal('deleteCompute'), id }),
  v.strictObject({ action: v.literal('deleteInstance'), id, instanceId: id }),
  v.strictObject({ action: v.literal('assign'), id, identity: id }),
  v.strictObject({ action: v.literal('unassign'), id, identity: id }),
  v.strictObject({
    action: v.literal('setVaultNetwork'),
    vault: id,
    network: v.picklist(['open', 'firewall', 'private']),
  }),
  v.strictObject({
    action: v.literal('setVaultSecret'),
    vault: id,
    name: id,
    value: v.pipe(v.string(), v.maxLength(25_600)),
  }),
  v.strictObject({
    action: v.literal('setVaultAccess'),
    vault: id,
    principal: id,
    permissions: v.optional(v.strictObject({ secrets: rights, keys: rights, certificates: rights })),
  }),
  v.strictObject({ action: v.literal('deleteIdentity'), identity: id }),
  v.strictObject({ action: v.literal('recreateIdentity'), identity: id }),
])

export type ControlRequest = v.InferOutput<typeof controlSchema>

/** Runs one action by name. @throws ValiError or RangeError when it is malformed or names nothing that exists */
export function runControl(control: Control, request: ControlRequest): unknown {
  const asked = v.parse(controlSchema, request)
  switch (asked.action) {
    case 'failNextOperations':
      return control.failNextOperations(asked.count, { code: asked.code, message: asked.message })
    case 'setProvisioningState':
      return control.setProvisioningState(asked.id, asked.state)
    case 'deleteCompute':
      return control.deleteCompute(asked.id)
    case 'deleteInstance':
      return control.deleteInstance(asked.id, asked.instanceId)
    case 'assign':
      return control.assign(asked.id, asked.identity)
    case 'unassign':
      return control.unassign(asked.id, asked.identity)
    case 'setVaultNetwork':
      return control.setVaultNetwork(asked.vault, asked.network)
    case 'setVaultSecret':
      return { version: control.setVaultSecret(asked.vault, asked.name, asked.value) }
    case 'setVaultAccess':
      return control.setVaultAccess(asked.vault, asked.principal, asked.permissions)
    case 'deleteIdentity':
      return control.deleteIdentity(asked.identity)
    case 'recreateIdentity':
      break
  }
  return control.recreateIdentity(asked.identity)
}
