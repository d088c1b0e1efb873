import type { Reply } from '../http/exchange.ts'

const MORE = 'https://docs.microsoft.com/en-us/azure/active-directory/develop/workload-identity-federation'
const CERTIFICATE_DOC = 'https://learn.microsoft.com/entra/identity-platform/certificate-credentials'

export interface Aadsts {
  readonly code: number
  readonly status: number
  readonly error: string
  readonly text: string
}

const make = (code: number, status: number, error: string, text: string): Aadsts => ({
  code,
  status,
  error,
  text,
})

/** The refusals of Entra, in its own words (without the trace that follows them). */
export const aadsts = {
  unknownTenant: (tenant: string) =>
    make(
      90002,
      400,
      'invalid_request',
      `Tenant '${tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.`,
    ),
  missingField: (field: string) =>
    make(
      90014,
      400,
      'invalid_request',
      `The required field '${field}' is missing from the credential. Ensure that you have all the necessary parameters for the login request.`,
    ),
  grantType: (grant: string) =>
    make(70003, 400, 'unsupported_grant_type', `The app requested an unsupported grant type '${grant}'.`),
  unknownApp: (clientId: string, directory: string) =>
    make(
      700016,
      400,
      'unauthorized_client',
      `Application with identifier '${clientId}' was not found in the directory '${directory}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.`,
    ),
  noCredential: () =>
    make(
      7000218,
      401,
      'invalid_client',
      "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    ),
  wrongSecret: (clientId: string) =>
    make(
      7000215,
      401,
      'invalid_client',
      `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${clientId}'.`,
    ),
  expiredSecret: (clientId: string) =>
    make(
      7000222,
      401,
      'invalid_client',
      `The provided client secret keys for app '${clientId}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.`,
    ),
  assertionType: (type: string) =>
    make(
      50027,
      400,
      'invalid_request',
      `The provided client_assertion_type '${type}' is invalid; expected 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'.`,
    ),
  malformedAssertion: () => make(50027, 401, 'invalid_client', 'JWT token is invalid or malformed.'),
  assertionAudience: (audience: string) =>
    make(
      700023,
      401,
      'invalid_client',
      `Client assertion audience claim does not match Realm issuer. Review the documentation at ${CERTIFICATE_DOC} . Found: '${audience}'.`,
    ),
  assertionIssuer: () =>
    make(
      700021,
      401,
      'invalid_client',
      `Client assertion application identifier doesn't match 'client_id' parameter. Review the documentation at ${CERTIFICATE_DOC} .`,
    ),
  assertionTime: (nowMs: number, notBefore: number, expires: number) =>
    make(
      700024,
      401,
      'invalid_client',
      `Client assertion is not within its valid time range. Current time: ${stamp(nowMs)}, assertion valid from ${stamp(notBefore * 1_000)}, expiry time of assertion ${stamp(expires * 1_000)}. Review the documentation at ${CERTIFICATE_DOC} .`,
    ),
  unknownKey: (clientId: string, thumbprint: string) =>
    make(
      700027,
      401,
      'invalid_client',
      `The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found., Thumbprint of key used by client: '${thumbprint}', Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '${clientId}'. Review the documentation at https://docs.microsoft.com/en-us/graph/deployments to determine the corresponding service endpoint and https://docs.microsoft.com/en-us/graph/api/application-get?view=graph-rest-1.0&tabs=http to build a query request URL, such as 'https://graph.microsoft.com/beta/applications/${clientId}'].`,
    ),
  wrongSignature: () =>
    make(
      50013,
      401,
      'invalid_client',
      'Assertion failed signature validation. [Reason - Key was found, but use of the key to verify the signature failed.]',
    ),
  unknownSigner: (kid: string) =>
    make(
      50013,
      401,
      'invalid_client',
      `Assertion failed signature validation. [Reason - The key was not found., Thumbprint of key used by client: '${kid}'.]`,
    ),
  issuerUnreachable: (issuer: string) =>
    make(90061, 400, 'invalid_request', `Request to External OIDC endpoint failed. Issuer: '${issuer}'.`),
  noFederatedMatch: (issuer: string, subject: string, audience: string) =>
    make(
      70021,
      401,
      'invalid_client',
      `No matching federated identity record found for presented assertion. Assertion Issuer: '${issuer}'. Assertion Subject: '${subject}'. Assertion Audience: '${audience}'. ${MORE}`,
    ),
  federatedPart: (code: 700211 | 700212 | 700213 | 7002138, part: string, value: string) =>
    make(
      code,
      401,
      'invalid_client',
      `No matching federated identity record found for presented assertion ${part} '${value}'. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion. ${MORE}`,
    ),
  ownToken: () =>
    make(700222, 400, 'invalid_request', 'AAD-issued tokens may not be used for federated identity flows.'),
  scope: (scope: string) =>
    make(
      70011,
      400,
      'invalid_scope',
      `The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope ${scope} is not valid.`,
    ),
  unknownResource: (resource: string, tenant: string) =>
    make(
      500011,
      400,
      'invalid_resource',
      `The resource principal named ${resource} was not found in the tenant named ${tenant}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.`,
    ),
  unknownInstance: () => make(50049, 400, 'invalid_instance', 'Unknown or invalid instance.'),
} as const

function stamp(ms: number): string {
  return new Date(Math.min(Math.max(ms, 0), 253_402_300_799_000)).toISOString().replace('Z', '0000Z')
}

/** The error document around a refusal. */
export function aadstsReply(
  problem: Aadsts,
  about: { traceId: string; correlationId: string; nowMs: number },
): Reply {
  const timestamp = `${new Date(about.nowMs).toISOString().slice(0, 19).replace('T', ' ')}Z`
  const { traceId, correlationId } = about
  const trail = `Trace ID: ${traceId} Correlation ID: ${correlationId} Timestamp: ${timestamp}`
  return {
    status: problem.status,
    body: {
      error: problem.error,
      error_description: `AADSTS${problem.code}: ${problem.text} ${trail}`,
      error_codes: [problem.code],
      timestamp,
      trace_id: traceId,
      correlation_id: correlationId,
      error_uri: `https://login.microsoftonline.com/error?code=${problem.code}`,
    },
  }
}

/** Thrown by the checks of the token endpoint. */
export class AadstsRefusal extends Error {
  override readonly name = 'AadstsRefusal'
  readonly problem: Aadsts

  constructor(problem: Aadsts) {
    super(problem.text)
    this.problem = problem
  }
}

export function refuse(problem: Aadsts): never {
  throw new AadstsRefusal(problem)
}
