import { Body, Controller, Get, HttpCode, Module, Post, Req } from '@nestjs/common'
import type { Request } from 'express'

declare module 'express-session' {
  interface SessionData {
    user: string
    views: number
  }
}

@Controller()
class AppController {
  @Get()
  view(@Req() req: Request) {
    req.session.views = (req.session.views ?? 0) + 1
    return { views: req.session.views }
  }

  @Post('login')
  @HttpCode(200)
  async login(@Req() req: Request, @Body() body?: { user?: string }) {
    // A new id at login, so that nobody can plant one beforehand.
    await new Promise<void>((resolve, reject) =>
      req.session.regenerate((error) => (error ? reject(error) : resolve())),
    )
    req.session.user = String(body?.user ?? 'guest')
    return { user: req.session.user }
  }

  @Get('me')
  me(@Req() req: Request) {
    return { user: req.session.user ?? null }
  }

  @Post('logout')
  @HttpCode(200)
  async logout(@Req() req: Request) {
    await new Promise<void>((resolve, reject) =>
      req.session.destroy((error) => (error ? reject(error) : resolve())),
    )
    return { user: null }
  }
}

@Module({ controllers: [AppController] })
export class AppModule {}
