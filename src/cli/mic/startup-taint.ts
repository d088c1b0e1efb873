import { OperatorError } from '../../base/errors.ts'
import type { MicFlags } from './config.ts'

/** The taint that new nodes come with, and which pods are the node agent's. */
export interface StartupTaint {
  readonly key: string
  readonly namespace: string
  readonly selector: string
}

/** A label's key: an optional DNS name of at most 253 letters, and a name of at most 63. */
const KEY =
  /^(?:(?=[^/]{1,253}\/)[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?$/

/** Taints of Kubernetes and of AKS themselves: to remove one of these is never MIC's to decide. */
const SYSTEM = /^(?:[-a-z0-9.]*\.)?(?:kubernetes\.io|k8s\.io|kubernetes\.azure\.com)\//

/** What the flags say; undefined without `--startup-taint`. @throws OperatorError for a key that cannot be meant. */
export function startupTaintOf(flags: MicFlags): StartupTaint | undefined {
  const key = flags['startup-taint']
  if (key === '') return undefined
  if (!KEY.test(key)) {
    throw new OperatorError(
      `--startup-taint is the key of a taint alone, such as podid.dev/agent-not-ready, without value and effect: "${key}" is none`,
    )
  }
  if (SYSTEM.test(key))
    throw new OperatorError(`--startup-taint ${key} belongs to Kubernetes: name one of your own`)
  return { key, namespace: flags['nmi-namespace'], selector: flags['nmi-selector'] }
}
