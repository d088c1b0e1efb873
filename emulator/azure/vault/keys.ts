import type { VaultRoute } from './vault-route.ts'

export const keyRoutes: readonly VaultRoute[] = []
