import type { RedirectConfig } from '../../src/nmi/redirect/redirect.ts'

/** The redirect to an agent on 127.0.0.1:2579, checked often. */
export function redirectConfig(changes: Partial<RedirectConfig> = {}): RedirectConfig {
  return {
    addresses: {
      metadataIp: '169.254.169.254',
      metadataPort: 80,
      listenAddress: '127.0.0.1',
      listenPort: 2579,
    },
    intervalMs: 200,
    backend: 'nft',
    cutConnections: 'off',
    removeOnStop: false,
    kubenet: { kubeletFile: '/nowhere', allowed: true },
    ...changes,
  }
}
