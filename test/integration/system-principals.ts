import type { System } from '../harness/system-world.ts'

export function testPrincipals(_system: () => System): void {}
