import { framework } from './frameworks/koa.js'
import { describeFramework } from './suite.js'

describeFramework(framework)
