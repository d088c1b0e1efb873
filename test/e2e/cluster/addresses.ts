/**
 * Clusters live in 198.18.0.0/16, the lower half of the range that RFC 2544 reserves for testing network
 * devices: it is routed nowhere. Cluster number N owns 198.18.16N.0/20 and fd70:6f64:e2e:N::/64 and on.
 */
export const CLUSTER_COUNT = 16

/** The address of Azure's instance metadata service. */
export const IMDS_ADDRESS = '169.254.169.254'

const MOST_NODES = 6

export interface NodeAddresses {
  readonly ip: string
  readonly ip6: string
  readonly pods: string
  readonly pods6: string
}

export interface ClusterAddresses {
  /** First part of every name that the cluster has on the machine. */
  readonly name: string
  readonly network: string
  readonly network6: string
  /** The machine's end of the link: control plane, name server and Azure listen here. */
  readonly machine: string
  readonly machine6: string
  /** The fabric's own address on that link. */
  readonly azure: string
  readonly services: string
  readonly services6: string
  /** ClusterIP of the API server. */
  readonly apiService: string
  node(index: number): NodeAddresses
}

export function clusterAddresses(index: number): ClusterAddresses {
  const part = (third: number): string => `198.18.${16 * index + third}`
  const six = (part: number): string => `fd70:6f64:e2e:${(256 * index + part).toString(16)}`
  return {
    name: `podid-e2e${index}`,
    network: `${part(0)}.0/20`,
    network6: `fd70:6f64:e2e:${(256 * index).toString(16)}::/56`,
    machine: `${part(0)}.1`,
    machine6: `${six(0)}::1`,
    azure: `${part(0)}.2`,
    services: `${part(15)}.0/24`,
    services6: `${six(15)}::/112`,
    apiService: `${part(15)}.1`,
    node(at) {
      if (at < 0 || at >= MOST_NODES) throw new Error(`node ${at}: a cluster has at most ${MOST_NODES} nodes`)
      return {
        ip: `${part(0)}.${10 + at}`,
        ip6: `${six(0)}::${10 + at}`,
        pods: `${part(1 + at)}.0/24`,
        pods6: `${six(1 + at)}::/64`,
      }
    },
  }
}
