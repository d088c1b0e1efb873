import type { System } from '../harness/system-world.ts'

export function testRevocation(_system: () => System): void {}
