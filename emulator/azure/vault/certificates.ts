import type { VaultRoute } from './vault-route.ts'

export const certificateRoutes: readonly VaultRoute[] = []
