import {
  ConfigurationError,
  CredentialError,
  PermissionError,
  type TomteError,
  UnavailableError,
} from '../errors.ts'

type Remedy = typeof ConfigurationError | typeof CredentialError | typeof PermissionError

interface Refusal {
  readonly Remedy: Remedy
  readonly hint: string
}

/** The refusals of RFC 6749 §5.2 and RFC 8707 §2, for servers that say no more than `error`. */
const REFUSALS: ReadonlyMap<string, Refusal> = new Map([
  [
    'invalid_client',
    {
      Remedy: CredentialError,
      hint: 'Check that the server knows this client id with this credential, and takes it the way it was sent',
    },
  ],
  [
    'unauthorized_client',
    {
      Remedy: PermissionError,
      hint: 'An administrator of the server has to allow this client the client credentials grant',
    },
  ],
  [
    'access_denied',
    {
      Remedy: PermissionError,
      hint: 'An administrator of the server has to allow this client what it asks for',
    },
  ],
  [
    'invalid_scope',
    {
      Remedy: ConfigurationError,
      hint: 'Ask for scopes that the server has for this client, or for none with an empty text',
    },
  ],
  [
    'invalid_target',
    { Remedy: ConfigurationError, hint: 'Set `parameters.resource` to a resource that the server knows' },
  ],
  [
    'unsupported_grant_type',
    { Remedy: ConfigurationError, hint: 'Enable the client credentials grant on the server' },
  ],
])

/** Whether waiting is the remedy. */
export const isPassing = (status: number, error: string): boolean =>
  status === 429 || status >= 500 || error === 'temporarily_unavailable'

/** The class of the remedy, by `error` and, where a server gives none that is known, by the status. */
export function serverRemedy(
  status: number,
  error: string,
): new (
  message: string,
  facts: ConstructorParameters<typeof UnavailableError>[1],
) => TomteError {
  if (isPassing(status, error) || error === 'server_error') return UnavailableError
  return refusalOf(status, error)?.Remedy ?? ConfigurationError
}

/** The next step, where status and `error` tell one. */
export const serverHint = (status: number, error: string): string | undefined =>
  isPassing(status, error) ? undefined : refusalOf(status, error)?.hint

// Some servers answer a wrong secret with 401 and another error than `invalid_client`.
const refusalOf = (status: number, error: string) => REFUSALS.get(status === 401 ? 'invalid_client' : error)
