import { errorText, OperatorError } from '../../base/errors.ts'
import type { HostFiles } from './host-files.ts'

/**
 * Lets packets that came over a link be routed to 127.0.0.1, where the redirect sends them. The kernel
 * takes "all" or the interface's own setting, so "all" also covers the interfaces of pods to come.
 */
export const ROUTE_LOCALNET = '/proc/sys/net/ipv4/conf/all/route_localnet'

export async function routeLocalnetIsOn(files: HostFiles): Promise<boolean> {
  return (await files.read(ROUTE_LOCALNET)).trim() === '1'
}

/**
 * Switches it on when it is off; kube-proxy in iptables mode has usually done so. Returns whether it
 * had to. @throws OperatorError when /proc/sys is not writable, as in a container that is not privileged.
 */
export async function ensureRouteLocalnet(files: HostFiles): Promise<boolean> {
  if (await routeLocalnetIsOn(files)) return false
  try {
    await files.write(ROUTE_LOCALNET, '1')
  } catch (thrown) {
    throw new OperatorError(
      `the redirect to 127.0.0.1 needs net.ipv4.conf.all.route_localnet=1 on this node, it is 0, and it cannot be set from here (${errorText(thrown)}); set it on the node, or listen on the node's own address with --nmi-listen-address`,
      { cause: thrown },
    )
  }
  return true
}
