/** The level on the screen, drawn by Phaser with LevelForge's tileset. */

import * as Phaser from "../vendor/phaser.esm.min.js";
import { isTaken } from "../levelforge/rules.js";
import { icon, pictures } from "../levelforge/tileset.js";

/** Visitors can ask their system for little motion: then nothing glides or shakes, and few frames are drawn. */
const CALM = window.matchMedia("(prefers-reduced-motion: reduce)").matches;

export class View {
  /** Open a view in an element; resolves once the pictures are there. */
  static open(parent, kit) {
    return new Promise((resolve) => {
      const scene = new LevelScene(kit, resolve);
      scene.phaser = new Phaser.Game({
        type: Phaser.AUTO,
        parent,
        backgroundColor: kit.tileset.background,
        pixelArt: true,
        banner: false,
        audio: { noAudio: true },
        input: { keyboard: false, mouse: false, touch: false },
        scale: { mode: Phaser.Scale.RESIZE },
        fps: CALM ? { limit: 10 } : {},
        scene,
      });
    });
  }
}

class LevelScene extends Phaser.Scene {
  constructor(kit, ready) {
    super("level");
    this.kit = kit;
    this.ready = ready;
    this.size = kit.tileset.tile_size;
  }

  preload() {
    this.load.spritesheet("sheet", this.kit.sheet, { frameWidth: this.size, frameHeight: this.size });
  }

  create() {
    for (const [name, moves] of Object.entries(this.kit.tileset.frames)) {
      for (const [move, { tiles, ms }] of Object.entries(moves)) {
        const frames = tiles.map((frame) => ({ key: "sheet", frame }));
        this.anims.create({ key: `${name} ${move}`, frames, frameRate: 1000 / ms, repeat: -1 });
      }
    }
    window.addEventListener("resize", () => this._fit());
    this.ready(this);
  }

  /** Put a level up. */
  show(level) {
    this.map?.destroy();
    this.things?.forEach((sprite) => sprite.destroy());
    this.patrols?.forEach((sprite) => sprite.destroy());
    this.player?.destroy();
    this.path?.destroy();
    this.level = level;
    const { width, height, game, tiles } = level;
    const { terrain, entities } = pictures(tiles, width, height, game, this.kit.tileset);
    const data = Array.from({ length: height }, (_, y) => [...terrain.subarray(y * width, (y + 1) * width)]);
    this.map = this.make.tilemap({ data, tileWidth: this.size, tileHeight: this.size });
    this.map.createLayer(0, this.map.addTilesetImage("sheet", "sheet", this.size, this.size), 0, 0);
    this.things = new Map(); // by cell: what may be taken, and what just stands there
    this.patrols = []; // in the order of their homes, as in level.patrols
    entities.forEach((frame, cell) => {
      if (frame < 0) return;
      const sprite = this._sprite(cell, frame, game.tiles[tiles[cell]].name, "move");
      if (!level.patrolHomes.includes(cell)) this.things.set(cell, sprite);
      else this.patrols.push(sprite);
    });
    const start = icon(game.tiles.find((tile) => tile.role === "start").name, this.kit.tileset);
    this.player = this._sprite(level.start, start, "player", "idle");
    this.player.setDepth(2);
    this._fit();
  }

  /** Show a state; the way there from the one before takes `ms`. */
  pose(before, state, collected, ms) {
    const { level } = this;
    const phase = state.t % level.cycle;
    const [x, y] = this._middle(state.y * level.width + state.x);
    for (const [cell, sprite] of this.things) {
      const item = level.item[cell];
      sprite.setVisible(!(item >= 0 && isTaken(state.taken, item)) && !collected.has(cell));
    }
    level.patrols.forEach((patrol, e) => this._glide(this.patrols[e], ...this._middle(patrol[phase]), before ? ms : 0));
    this._glide(this.player, x, y, before ? ms : 0);
    this._animate(this.player, "player", this._gait(before, state));
    if (before && state.hp < before.hp) {
      this.player.setTint(0xff5555);
      this.time.delayedCall(220, () => this.player.clearTint());
      if (!CALM) this.cameras.main.shake(110, 0.004);
    }
  }

  /** Draw the way of a run through cells, or take it away. */
  drawPath(cells) {
    this.path?.destroy();
    this.path = null;
    if (!cells) return;
    this.path = this.add.graphics().setDepth(1);
    for (const [thickness, color, alpha] of [[4, 0x15111d, 0.5], [2, 0xf5c84c, 0.85]]) {
      this.path.lineStyle(thickness, color, alpha).beginPath();
      cells.forEach((cell, i) => this.path[i ? "lineTo" : "moveTo"](...this._middle(cell)));
      this.path.strokePath();
    }
  }

  _sprite(cell, frame, name = "", move = "") {
    const sprite = this.add.sprite(...this._middle(cell), "sheet", frame).setDepth(1);
    this._animate(sprite, name, move);
    return sprite;
  }

  /** What the player is seen doing; a tileset need not have a picture of everything. */
  _gait(before, state) {
    const known = (move) => this.anims.exists(`player ${move}`);
    const cell = state.y * this.level.width + state.x;
    if (known("climb") && this.level.role[cell] === this.level.game.roles.ladder) return "climb";
    if (known("jump") && state.jump > 0) return "jump";
    return before && (before.x !== state.x || before.y !== state.y) ? "walk" : "idle";
  }

  _animate(sprite, name, move) {
    if (this.anims.exists(`${name} ${move}`)) sprite.play(`${name} ${move}`, true);
  }

  _glide(sprite, x, y, ms) {
    this.tweens.killTweensOf(sprite);
    if (sprite.goal) sprite.setPosition(...sprite.goal); // steps may come faster than pictures
    sprite.goal = [x, y];
    if (x !== sprite.x) sprite.setFlipX(x < sprite.x);
    if (ms > 0 && !CALM) this.tweens.add({ targets: sprite, x, y, duration: ms });
    else sprite.setPosition(x, y);
  }

  _middle(cell) {
    const { width } = this.level;
    return [((cell % width) + 0.5) * this.size, (Math.floor(cell / width) + 0.5) * this.size];
  }

  /**
   * Choose the magnification, in steps so that pixels stay even, and the stage's height: the whole level if it fits,
   * else as much of a side-view level as its height allows; the camera follows.
   */
  _fit() {
    if (!this.level) return;
    const [width, height] = [this.level.width * this.size, this.level.height * this.size];
    const stage = this.game.canvas.parentElement;
    const most = Math.max(360, window.innerHeight - 170); // leaves room for what stands above and below
    const across = this.level.platformer ? Infinity : stage.clientWidth / width;
    const fits = Math.min(across, most / height);
    const steps = fits < 2 ? 4 : 2;
    const zoom = Math.max(1, Math.floor(fits * steps) / steps);
    stage.style.height = `${Math.round(Math.min(height * zoom, most)) + 2}px`;
    this.scale.getParentBounds();
    this.scale.refresh();
    const room = this.scale.gameSize;
    const camera = this.cameras.main;
    camera.setZoom(zoom);
    const wide = Math.max(width, room.width / zoom);
    const tall = Math.max(height, room.height / zoom);
    camera.setBounds((width - wide) / 2, (height - tall) / 2, wide, tall);
    camera.startFollow(this.player, true, 0.2, 0.2);
    camera.centerOn(this.player.x, this.player.y);
  }
}
