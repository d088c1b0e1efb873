/** Judges what a client said: the facts come from the programs, the opinion is here. */
import type { TokenClaims } from './client-cluster.ts'
import type { ClientFacts, ClientResult, TokenResult } from './client-facts.ts'

/** What the results of one pod must be. */
export interface Expectation {
  /** Tokens and secrets together. */
  readonly results: number
  /** Client id of the identity that every token must be of. */
  readonly clientId?: string
  /** What every secret must be. */
  readonly secret?: string
  /** At least so many different tokens. */
  readonly differentTokens?: number
  /** The first call must have waited for so long, milliseconds: else the case showed nothing. */
  readonly waitsMs?: number
  /** Every call fails, and its error says this: nothing may succeed then. */
  readonly refusal?: RegExp
}

/** @returns what is wrong, in words; nothing when all is as expected. */
export async function problemsOf(
  facts: ClientFacts,
  expected: Expectation,
  claimsOf: (token: string) => Promise<TokenClaims>,
): Promise<string[]> {
  const { results } = facts
  const problems = results.map((result) => problemOf(result, expected)).filter((each) => each !== undefined)
  if (results.length !== expected.results)
    problems.push(`${results.length} results instead of ${expected.results}`)
  const tokens = results.filter((each): each is TokenResult => each.kind === 'token' && each.ok)
  for (const result of tokens) {
    const problem = await tokenProblem(result, expected, claimsOf)
    if (problem !== undefined) problems.push(problem)
  }
  const firstMs = results[0]?.ms ?? 0
  if (firstMs < (expected.waitsMs ?? 0)) problems.push(`the first call took ${firstMs} ms: nothing was late`)
  const different = new Set(tokens.map(({ token }) => token)).size
  if (different < (expected.differentTokens ?? 0))
    problems.push(`${different} different tokens, not ${expected.differentTokens}`)
  return [...new Set(problems)]
}

function problemOf(result: ClientResult, { secret, refusal }: Expectation): string | undefined {
  if (refusal !== undefined) {
    if (result.ok) return `a ${result.kind} was given that had to be refused`
    return refusal.test(result.error) ? undefined : `the error does not say why: ${result.error}`
  }
  if (!result.ok) return `no ${result.kind} after ${result.ms} ms: ${result.type}: ${result.error}`
  return result.kind === 'secret' && result.value !== secret ? 'the secret is another one' : undefined
}

async function tokenProblem(
  { token, expiresOn, startedMs, ms }: TokenResult,
  { clientId }: Expectation,
  claimsOf: (token: string) => Promise<TokenClaims>,
): Promise<string | undefined> {
  let claims: TokenClaims
  try {
    claims = await claimsOf(token)
  } catch (thrown) {
    return `the token is not one of this Azure: ${String(thrown)}`
  }
  if (claims.appid !== clientId) return `the token is of ${claims.appid} instead of ${clientId ?? 'nobody'}`
  if (claims.aud !== AUDIENCE) return `the token is for ${claims.aud}`
  if (claims.exp * 1000 <= startedMs + ms) return 'the token had expired when it was given'
  // Libraries add a lifetime to their own clock, and MSAL for JavaScript to the time at which it asked.
  const early = claims.exp - expiresOn
  return early < -2 || early > ms / 1000 + 2 ? 'the client was told another expiry' : undefined
}

/** What every case asks tokens for. */
export const AUDIENCE = 'https://vault.azure.net'
