import type { System } from '../harness/system-world.ts'

export function testUpstreamFaults(_system: () => System): void {}
