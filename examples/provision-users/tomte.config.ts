import { graph } from '@tomte/client'
import { defineDaemon } from '@tomte/jobs'
import { provision } from './job/provision.ts'

export default defineDaemon({
  apis: {
    directory: (identity, environment) =>
      graph(identity, { baseUrl: environment['GRAPH_ENDPOINT'], permissions: ['User.ReadWrite.All'] }),
  },
  jobs: { provision },
})
