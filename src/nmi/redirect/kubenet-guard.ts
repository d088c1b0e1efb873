import { errorText, OperatorError } from '../../base/errors.ts'
import type { HostFiles } from './host-files.ts'

export interface KubenetGuard {
  /** `--kubelet-config`: the file with the kubelet's command line. */
  readonly kubeletFile: string
  /** `--allow-network-plugin-kubenet`. */
  readonly allowed: boolean
}

const MARK = '--network-plugin=kubenet'

/**
 * On kubenet all pods share one bridge, where a pod with NET_RAW (the default of container runtimes)
 * can take another pod's address and with it that pod's tokens (CVE-2021-1677).
 * @throws OperatorError when the node uses kubenet, or when that cannot be known.
 */
export async function refuseKubenet(guard: KubenetGuard, files: HostFiles): Promise<void> {
  if (guard.allowed) return
  const text = await files.read(guard.kubeletFile).catch((thrown: unknown) => {
    throw new OperatorError(
      `cannot tell whether this node uses kubenet: ${guard.kubeletFile} cannot be read (${errorText(thrown)}); mount the kubelet's file and name it with --kubelet-config, or, if the node is known not to use kubenet, set --allow-network-plugin-kubenet`,
      { cause: thrown },
    )
  })
  if (!text.includes(MARK)) return
  throw new OperatorError(
    `this node uses kubenet (${guard.kubeletFile} has ${MARK}): pods share one bridge there and a pod with NET_RAW can take another pod's address and its tokens; move to a routed network such as Azure CNI, or drop NET_RAW from every pod by policy and then set --allow-network-plugin-kubenet`,
  )
}
