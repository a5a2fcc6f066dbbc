import type { AppIdentity } from '../identity.ts'
import { type Api, type ApiOptions, api } from './api.ts'

/** As {@link ApiOptions}, with Microsoft Graph in the public cloud as the default. */
export type GraphOptions = { readonly [Name in keyof ApiOptions]?: ApiOptions[Name] | undefined }

const GRAPH = { baseUrl: 'https://graph.microsoft.com/v1.0', scope: 'https://graph.microsoft.com/.default' }

/**
 * Microsoft Graph, or a directory that speaks like it, as this identity sees it.
 *
 * @throws ConfigurationError if the base URL cannot be used.
 * @example
 * ```ts
 * import { AppIdentity, graph, identityFromEnvironment } from '@tomte/client'
 * const directory = graph(new AppIdentity(identityFromEnvironment(process.env)))
 * for await (const user of directory.pages('/users?$select=id,displayName')) console.log(user)
 * ```
 */
export function graph(identity: AppIdentity, options: GraphOptions = {}): Api {
  const { baseUrl = GRAPH.baseUrl, scope = GRAPH.scope, ...others } = options
  return api(identity, { ...others, baseUrl, scope })
}
