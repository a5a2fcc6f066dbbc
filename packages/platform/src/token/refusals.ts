/** How much is known of Entra's own answer: seen in live answers, documented, or neither (wire.md §8, confidence A, B, C). */
export type Evidence = 'observed' | 'documented' | 'assumed'

interface Row {
  readonly status: 400 | 401 | 503
  readonly error: string
  readonly known: Evidence
  /** What the client is told; `{facts}` are filled in. */
  readonly text: string
  /** What to do, in one sentence, for people: docs/errors.md and the look-up page. */
  readonly remedy: string
}

/**
 * What the client may have done wrong at the token endpoint and the discovery documents, by AADSTS number; the rows
 * stand in the order in which it is looked at (wire.md §8), and the last is the platform's own failure.
 */
export const REFUSALS = {
  900561: {
    status: 400,
    error: 'invalid_request',
    known: 'documented',
    text: 'The endpoint only accepts POST requests. Received a {method} request.',
    remedy: 'Send the token request with POST, its parameters in the body.',
  },
  900023: {
    status: 400,
    error: 'invalid_request',
    known: 'observed',
    text: "Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain.",
    remedy: 'Put the tenant’s GUID or one of its domains into the URL.',
  },
  900021: {
    status: 400,
    error: 'invalid_request',
    known: 'assumed',
    text: "Requested tenant identifier '{tenant}' is not valid. Tenant identifiers may not be an empty GUID.",
    remedy: 'Put the tenant’s GUID or one of its domains into the URL.',
  },
  90002: {
    status: 400,
    error: 'invalid_tenant',
    known: 'observed',
    text: "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.",
    remedy: 'Compare the tenant in the URL with those of the portal.',
  },
  50049: {
    status: 400,
    error: 'invalid_instance',
    known: 'observed',
    text: 'Unknown or invalid instance.',
    remedy: 'Ask for an authority on this host, or switch instance discovery off in the SDK.',
  },
  9002313: {
    status: 400,
    error: 'invalid_request',
    known: 'observed',
    text: 'Invalid request. Request is malformed or invalid.',
    remedy:
      'Send each parameter once, form-encoded, at most 64 kB long and without NUL; prove the client in one way alone.',
  },
  900144: {
    status: 400,
    error: 'invalid_request',
    known: 'observed',
    text: "The request body must contain the following parameter: '{name}'.",
    remedy: 'Add the parameter to the body, form-encoded: neither JSON nor the query string is read.',
  },
  70003: {
    status: 400,
    error: 'unsupported_grant_type',
    known: 'observed',
    text: "The app requested an unsupported grant type '{grant}'.",
    remedy: 'Use grant_type=client_credentials.',
  },
  9001023: {
    status: 400,
    error: 'invalid_request',
    known: 'documented',
    text: 'The grant type is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint.',
    remedy: 'Personal accounts have no daemons: put the tenant’s GUID or domain into the URL.',
  },
  700038: {
    status: 400,
    error: 'unauthorized_client',
    known: 'observed',
    text: '{client} is not a valid application identifier.',
    remedy: 'Send the application’s client id.',
  },
  50194: {
    status: 400,
    error: 'invalid_request',
    known: 'observed',
    text: "Application '{client}'({name}) is not configured as a multi-tenant application. Usage of the /common endpoint is not supported for such applications created after '10/15/2018'. Use a tenant-specific endpoint or configure the application to be multi-tenant.",
    remedy: 'Put the tenant’s GUID or domain into the URL: a daemon has no user to find the tenant by.',
  },
  50059: {
    status: 400,
    error: 'invalid_request',
    known: 'observed',
    text: 'No tenant-identifying information found in either the request or implied by any provided credentials.',
    remedy: 'Put the tenant’s GUID or domain into the URL: a daemon has no user to find the tenant by.',
  },
  700016: {
    status: 400,
    error: 'unauthorized_client',
    known: 'observed',
    text: "Application with identifier '{client}' was not found in the directory '{tenant}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.",
    remedy:
      'Check the client id and the tenant: it must be the application’s own, or the application multi-tenant.',
  },
  901002: {
    status: 400,
    error: 'invalid_request',
    known: 'documented',
    text: "The 'resource' request parameter is not supported.",
    remedy: 'Send scope={resource}/.default, or use the v1.0 endpoint /oauth2/token.',
  },
  90014: {
    status: 400,
    error: 'invalid_request',
    known: 'observed',
    text: "The required field '{name}' is missing from the credential. Ensure that you have all the necessary parameters for the login request.",
    remedy: 'Send scope={resource}/.default; give an assertion its iss, sub and aud.',
  },
  1002012: {
    status: 400,
    error: 'invalid_scope',
    known: 'observed',
    text: 'The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).',
    remedy: 'Send scope={resource}/.default: which permissions there are is decided by consent.',
  },
  70011: {
    status: 400,
    error: 'invalid_scope',
    known: 'observed',
    text: "The provided value for the input parameter 'scope' is not valid. The scope {scope} is not valid.",
    remedy: 'Send one scope, {resource}/.default, and no named ones beside it.',
  },
  700022: {
    status: 400,
    error: 'invalid_scope',
    known: 'documented',
    text: "The provided value for the input parameter 'scope' is not valid. The scope {scope} contains more than one resource.",
    remedy: 'Ask for one token for each resource.',
  },
  51000: {
    status: 400,
    error: 'invalid_request',
    known: 'observed',
    text: 'The feature is disabled.',
    remedy: 'Ask for a bearer token, without token_type and req_cnf: tokens are not bound to keys here.',
  },
  7000216: {
    status: 401,
    error: 'invalid_client',
    known: 'observed',
    text: "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
    remedy: 'Send a secret, or an assertion with its type.',
  },
  7000215: {
    status: 401,
    error: 'invalid_client',
    known: 'observed',
    text: "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{client}'.",
    remedy:
      'Send the value that addPassword showed once, form-encoded; a secret before its start counts as none.',
  },
  7000222: {
    status: 401,
    error: 'invalid_client',
    known: 'observed',
    text: "The provided client secret keys for app '{client}' are expired. Create a new one for the app, or use a certificate.",
    remedy: 'Add a new secret and remove this one.',
  },
  50027: {
    status: 400,
    error: 'invalid_request',
    known: 'documented',
    text: 'Invalid JWT token. {reason}',
    remedy: 'Build the assertion as the reason says.',
  },
  700021: {
    status: 401,
    error: 'invalid_client',
    known: 'assumed',
    text: "Client assertion application identifier doesn't match 'client_id' parameter.",
    remedy: 'Sign with iss and sub set to the client id that the form has.',
  },
  50048: {
    status: 400,
    error: 'invalid_request',
    known: 'documented',
    text: "Subject '{subject}' mismatches Issuer '{issuer}' claim in the client assertion.",
    remedy: 'Set both iss and sub to the client id.',
  },
  700027: {
    status: 401,
    error: 'invalid_client',
    known: 'observed',
    text: "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - {reason}, Thumbprint of key used by client: '{thumbprint}'] Registered on app '{client}': {registered}.",
    remedy: 'Register the certificate on the application, or sign with one that is registered.',
  },
  700030: {
    status: 401,
    error: 'invalid_client',
    known: 'documented',
    text: 'Invalid certificate - subject name in certificate is not authorized. SubjectNames/SubjectAlternativeNames (up to 10) in token certificate are: {names}.',
    remedy: 'State the name in trustedCertificateSubjects of the application, or register the certificate.',
  },
  7000214: {
    status: 401,
    error: 'invalid_client',
    known: 'observed',
    text: 'The certificate used to sign the client assertion, or one that vouches for it, is revoked. [Thumbprint of key used by client: {thumbprint}]',
    remedy: 'Sign with another certificate, or take it off revokedCertificateIdentifiers of the application.',
  },
  1000502: {
    status: 401,
    error: 'invalid_client',
    known: 'observed',
    text: 'The provided certificate is not within its valid time range: {from} to {to}.',
    remedy: 'Register a new certificate and sign with it.',
  },
  700023: {
    status: 401,
    error: 'invalid_client',
    known: 'assumed',
    text: 'Client assertion audience claim does not match Realm issuer.',
    remedy: 'Set aud to the token endpoint’s URL as the discovery document has it.',
  },
  700024: {
    status: 401,
    error: 'invalid_client',
    known: 'observed',
    text: 'Client assertion is not within its valid time range. Current time: {now}, assertion valid from {from}, expiry time of assertion {to}.',
    remedy: 'Make a new assertion for every request, and check the machine’s clock.',
  },
  700211: {
    status: 401,
    error: 'invalid_client',
    known: 'observed',
    text: "No matching federated identity record found for presented assertion issuer '{issuer}'. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion.",
    remedy: 'Add a federated credential with this issuer, letter by letter.',
  },
  700213: {
    status: 401,
    error: 'invalid_client',
    known: 'observed',
    text: "No matching federated identity record found for presented assertion subject '{subject}'. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion.",
    remedy: 'Add a federated credential with this subject, letter by letter.',
  },
  700212: {
    status: 401,
    error: 'invalid_client',
    known: 'assumed',
    text: "No matching federated identity record found for presented assertion audience '{audience}'. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion.",
    remedy: 'Ask the identity provider for a token with the credential’s audience.',
  },
  7002138: {
    status: 401,
    error: 'invalid_client',
    known: 'observed',
    text: "No matching federated identity record found for presented assertion {claim} '{found}'. One matches only if letter case is ignored: '{expected}'.",
    remedy: 'Correct the letter case of the federated credential.',
  },
  700229: {
    status: 401,
    error: 'invalid_client',
    known: 'documented',
    text: 'Only app-only tokens can be used as Federated Identity Credentials for Microsoft Entra issuer. {reason}',
    remedy: 'Use the token of a user-assigned managed identity of the application’s own tenant.',
  },
  5002730: {
    status: 401,
    error: 'invalid_client',
    known: 'observed',
    text: 'Invalid JWT token. Unsupported key for the signing algorithm: federated assertions are signed with RS256.',
    remedy: 'Let the identity provider sign with RS256.',
  },
  50166: {
    status: 400,
    error: 'invalid_request',
    known: 'documented',
    text: 'Request to External OIDC endpoint failed. {reason}',
    remedy: 'Make the issuer’s discovery and keys documents reachable from here.',
  },
  50013: {
    status: 401,
    error: 'invalid_client',
    known: 'documented',
    text: 'Assertion {fault}. [Reason - {reason}]',
    remedy: 'Check that the issuer publishes the key that signed; make a new assertion for every request.',
  },
  7000229: {
    status: 401,
    error: 'invalid_client',
    known: 'observed',
    text: 'The client application {client} is missing service principal in the tenant {tenant}.',
    remedy: 'Let the tenant’s administrator consent, or create the service principal.',
  },
  7000112: {
    status: 400,
    error: 'unauthorized_client',
    known: 'observed',
    text: "Application '{client}'({name}) is disabled.",
    remedy: 'Let an administrator enable the service principal.',
  },
  500011: {
    status: 400,
    error: 'invalid_resource',
    known: 'observed',
    text: 'The resource principal named {resource} was not found in the tenant named {tenant}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.',
    remedy: 'Check the App ID URI, and that the API has a service principal in the tenant.',
  },
  500014: {
    status: 400,
    error: 'invalid_resource',
    known: 'observed',
    text: "The service principal for resource '{resource}' is disabled. This indicate that a subscription within the tenant has lapsed, or that the administrator for this tenant has disabled the application, preventing tokens from being issued for it.",
    remedy: 'Let an administrator enable the API’s service principal.',
  },
  53003: {
    status: 400,
    error: 'invalid_grant',
    known: 'observed',
    text: 'Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.',
    remedy:
      'Ask from a place that the tenant’s policies allow, or let its administrator look at the risk of the service principal.',
  },
  501051: {
    status: 400,
    error: 'invalid_grant',
    known: 'observed',
    text: "Application '{client}'({name}) is not assigned to a role for the application '{resource}'.",
    remedy: 'Assign an app role of the API to the application’s service principal.',
  },
  50196: {
    status: 400,
    error: 'invalid_grant',
    known: 'observed',
    text: 'The server terminated an operation because it encountered a client request loop. Please contact your app vendor.',
    remedy:
      'Keep each token until it expires; the platform counts the same request since it was told to (loopDetection).',
  },
  90033: {
    status: 503,
    error: 'temporarily_unavailable',
    known: 'documented',
    text: 'A transient error has occurred. Please try again.',
    remedy: 'Try again; the platform’s log, on standard error, says what failed.',
  },
} as const satisfies Record<number, Row>

export type RefusalNumber = keyof typeof REFUSALS

/** Whether the table has a row of this number. */
export const isRefusalNumber = (number: number): number is RefusalNumber => Object.hasOwn(REFUSALS, number)
