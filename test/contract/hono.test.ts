import { framework } from './frameworks/hono.js'
import { describeFramework } from './suite.js'

describeFramework(framework)
