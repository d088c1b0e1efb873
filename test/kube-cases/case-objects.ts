import assert from 'node:assert/strict'
import type { Json, Reply } from '../harness/kube-http.ts'

/** A ConfigMap without its namespace, which the request names. */
export function map(name: string, rest: object = {}): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, ...rest }
}

/** A pod that no scheduler takes up, so that it stays as the case leaves it. */
export function pod(name: string, spec: object = {}, metadata: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...metadata },
    spec: { schedulerName: 'nobody', containers: [{ name: 'a', image: 'i' }], ...spec },
  }
}

/** A pod on a node that is not there. */
export function placedPod(name: string, labels: object = {}, nodeName = 'n'): object {
  return pod(name, { nodeName }, { labels })
}

/** A client id that the rules of the definitions let pass. */
export const CLIENT_ID = 'c0c0c0c0-0000-4000-8000-000000000001'

export function identity(name: string, rest: object = {}): object {
  return {
    apiVersion: 'aadpodidentity.k8s.io/v1',
    kind: 'AzureIdentity',
    metadata: { name },
    spec: { type: 0 },
    ...rest,
  }
}

export interface Refusal {
  readonly code: number
  readonly reason: string | undefined
  readonly message: string | undefined
  readonly details: Json | undefined
}

/** What a refusal says: code, reason, message and details. */
export function refusal(reply: Reply): Refusal {
  const { kind, reason, message, details, code } = reply.json()
  assert.equal(kind, 'Status', reply.text)
  assert.equal(code, reply.code)
  return { code: reply.code, reason, message, details }
}

export function causesOf(refused: Refusal): { reason: string; field: string; message: string }[] {
  return (refused.details?.['causes'] ?? []) as { reason: string; field: string; message: string }[]
}

export function namesOf(list: Json): (string | undefined)[] {
  return (list.items ?? []).map((each) => each.metadata?.name)
}

/** What a server adds to a refusal when a custom kind has rules of its own, and the object no shape to ask them of. */
export const RULES_NOT_CHECKED =
  'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation'
