import type { EventTarget } from '../kube/event-draft.ts'

/**
 * Where Events go. Never throws and never waits: equal Events are counted together, and what cannot be
 * written is dropped and logged by the sink.
 */
export interface EventSink {
  emit(target: EventTarget, type: 'Normal' | 'Warning', reason: string, message: string): void
}

/** Reasons that AAD Pod Identity wrote; alerts and scripts look for them. */
export const BINDING_EVENTS = {
  applied: 'binding applied',
  applyError: 'binding apply error',
  removed: 'binding removed',
  removeError: 'binding remove error',
} as const
