// The stage of numbers: a background drawn by matplotlib, and over it, as SVG, what the package computed for each
// setting. Coordinates arrive as ten-thousandths of an axes' box; here they are multiplied by the box, no more.
(() => {
  "use strict";

  const helm = (window.helmExplorer ??= {});
  const UNIT = 10000;
  const ROLL = 1500; // milliseconds that a rolling line takes
  const GLIDE = 200; // milliseconds that a step of what glides takes, less than a player waits
  const LEVELS = 254;

  const unpack = (text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  };

  const make = (tag, attributes, parent) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) if (value != null) element.setAttribute(name, value);
    parent?.append(element);
    return element;
  };

  // Exactly `count` children, made by `create` where they are missing.
  const children = (group, count, create) => {
    while (group.childNodes.length > count) group.lastChild.remove();
    while (group.childNodes.length < count) create(group.childNodes.length);
    return group.childNodes;
  };

  // ---- one drawer for each kind of artist: takes the group it draws in, its look, and a box ----

  const placeIn = ([left, top, width, height]) => (u, v) => [
    left + (u / UNIT) * width,
    top + (1 - v / UNIT) * height,
  ];

  const points = (flat, place) => {
    const found = [];
    for (let i = 0; i < flat.length; i += 2) {
      const gap = flat[i] === null || flat[i + 1] === null;
      found.push(gap ? null : place(flat[i], flat[i + 1]));
    }
    return found;
  };

  const pathOf = (found) => {
    let pen = "M";
    return found
      .map((point) => {
        if (point === null) {
          pen = "M";
          return "";
        }
        const word = `${pen}${point[0].toFixed(2)} ${point[1].toFixed(2)}`;
        pen = "L";
        return word;
      })
      .join("");
  };

  // ---- between two steps, `share` of the way from where a thing was to where it is ----

  // A shape moves and turns as a whole, the shorter way round.
  const turned = (from, to, share) => {
    const middle = (found) => [0, 1].map((k) => found.reduce((sum, point) => sum + point[k], 0) / found.length);
    const [a, b] = [middle(from), middle(to)];
    const angle = ([x, y], [u, v]) => Math.atan2(y - v, x - u);
    const turn = angle(to[0], b) - angle(from[0], a);
    const left = -Math.atan2(Math.sin(turn), Math.cos(turn)) * (1 - share);
    const [cos, sin] = [Math.cos(left), Math.sin(left)];
    const at = [0, 1].map((k) => a[k] + share * (b[k] - a[k]));
    return to.map(([x, y]) => [
      at[0] + cos * (x - b[0]) - sin * (y - b[1]),
      at[1] + sin * (x - b[0]) + cos * (y - b[1]),
    ]);
  };

  // Of a line that goes on, so much of what is new, measured along it; a line of as many points moves point by point.
  const grown = (from, to, share) => {
    const same = (p, q) => p === q || (p && q && p[0] === q[0] && p[1] === q[1]);
    const [short, long, part] = from.length < to.length ? [from, to, share] : [to, from, 1 - share];
    if (!short.length || !short.every((point, i) => same(point, long[i]))) {
      if (short.length < long.length) return to;
      return to.map((point, i) => point && from[i] && point.map((v, k) => from[i][k] + share * (v - from[i][k])));
    }
    const found = short.slice();
    const legs = long.slice(short.length).map((point, i) => [long[short.length + i - 1], point]);
    const length = ([p, q]) => (p && q ? Math.hypot(q[0] - p[0], q[1] - p[1]) : 0);
    let rest = part * legs.reduce((sum, leg) => sum + length(leg), 0);
    for (const leg of legs) {
      const [p, q] = leg;
      if (length(leg) > rest) return [...found, p.map((v, k) => v + (rest / length(leg)) * (q[k] - v))];
      rest -= length(leg);
      found.push(q);
    }
    return found;
  };

  const markerLook = ({ path, fill, stroke, width }) => ({ d: path, fill, stroke, "stroke-width": width });

  // `found` holds points or null; `fills`, if any, a colour for each of them, and `within` tells which are seen.
  const setMarkers = (group, found, look, within, fills) => {
    const shown = [...found.keys()].filter((i) => found[i] !== null && within(found[i]));
    children(group, shown.length, () => make("path", look, group)).forEach((mark, k) => {
      const [x, y] = found[shown[k]];
      mark.setAttribute("transform", `translate(${x.toFixed(2)} ${y.toFixed(2)})`);
      if (!fills) return;
      mark.setAttribute("fill", fills[shown[k]]);
      if (look.stroke === "face") mark.setAttribute("stroke", fills[shown[k]]);
    });
  };

  // A marker is drawn whole where its middle lies in the box, on its edge too, else not at all.
  const seenIn = ([left, top, width, height], clip) => ([x, y]) =>
    clip === false || (x > left - 0.5 && x < left + width + 0.5 && y > top - 0.5 && y < top + height + 0.5);

  const levelsOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const colorOf = (colors, level) => (level >= LEVELS ? "none" : `#${colors.slice(6 * level, 6 * level + 6)}`);

  const drawers = {
    line: (group, style, place, box, clipPath) => {
      const stroke = { "clip-path": clipPath, fill: "none", "stroke-linejoin": "round", "stroke-linecap": style.dash ? "butt" : "round" };
      const halo =
        style.halo && style.stroke
          ? make("path", { ...stroke, stroke: style.halo.stroke, "stroke-width": style.halo.width }, group)
          : null;
      const line = style.stroke
        ? make(
            "path",
            { ...stroke, stroke: style.stroke, "stroke-width": style.width, "stroke-dasharray": style.dash?.join(" ") },
            group,
          )
        : null;
      const marks = style.marker ? make("g", {}, group) : null;
      return (flat, share = 1, from = null) => {
        let found = points(flat, place);
        if (share < 1 && from) found = grown(points(from, place), found, share);
        else if (share < 1) {
          // As many points as belong to this share of the way, the last one under way to the next.
          const way = share * (found.length - 1);
          const whole = Math.floor(way);
          const [from, to] = [found[whole], found[whole + 1]];
          found = found.slice(0, whole + 1);
          if (from && to) found.push(from.map((value, k) => value + (way - whole) * (to[k] - value)));
        }
        const path = pathOf(found);
        for (const part of [halo, line]) part?.setAttribute("d", path);
        if (marks) setMarkers(marks, style.last ? found.slice(-1) : found, markerLook(style.marker), seenIn(box, style.clip));
      };
    },

    polygon: (group, style, place) => {
      const look = { fill: style.fill, stroke: style.stroke, "stroke-width": style.width, "stroke-linejoin": "miter" };
      const shape = make("path", look, group);
      return (flat, share = 1, from = null) => {
        const found = points(flat, place);
        const before = from && points(from, place);
        const whole = share === 1 || before?.length !== found.length || [...before, ...found].includes(null);
        const path = pathOf(whole ? found : turned(before, found, share));
        shape.setAttribute("d", path && `${path}Z`);
      };
    },

    dots: (group, style, place, box) => (value) => {
      const fills = value.levels && [...levelsOf(value.levels)].map((level) => colorOf(style.colors, level));
      setMarkers(group, points(value.at, place), markerLook(style.marker), seenIn(box, style.clip), fills);
    },

    polygons: (group, style, place) => {
      const edge = { stroke: style.stroke, "stroke-width": style.width };
      const shapes = style.shapes.map((shape) => make("path", { d: `${pathOf(points(shape, place))}Z`, ...edge }, group));
      return (value) => {
        levelsOf(value).forEach((level, i) => {
          const color = colorOf(style.colors, level);
          shapes[i].setAttribute("fill", color);
          if (!style.stroke) shapes[i].setAttribute("stroke", color); // closes the hairline between neighbours
        });
      };
    },

    image: (group, style, place) => {
      const [x0, y1, x1, y0] = [...place(style.box[0], style.box[1]), ...place(style.box[2], style.box[3])];
      const box = { x: Math.min(x0, x1), y: Math.min(y0, y1), width: Math.abs(x1 - x0), height: Math.abs(y1 - y0) };
      const image = make("image", { ...box, preserveAspectRatio: "none" }, group);
      image.style.imageRendering = style.smooth ? "auto" : "pixelated";
      return (value) => {
        if (value.picture) return image.setAttribute("href", `data:image/webp;base64,${value.picture}`);
        const [width, height] = value.size;
        const canvas = Object.assign(document.createElement("canvas"), { width, height });
        const context = canvas.getContext("2d");
        const pixels = context.createImageData(width, height);
        levelsOf(value.levels).forEach((level, i) => {
          if (level >= LEVELS) return;
          const color = parseInt(style.colors.slice(6 * level, 6 * level + 6), 16);
          pixels.data.set([color >> 16, (color >> 8) & 255, color & 255, 255], 4 * i);
        });
        context.putImageData(pixels, 0, 0);
        image.setAttribute("href", canvas.toDataURL());
      };
    },

    bars: (group, style, place) => {
      const bars = style.places.map((_, i) => make("rect", { fill: style.fills[i] }, group));
      return (tops) => {
        bars.forEach((bar, i) => {
          const [left, base] = place(style.places[i][0], style.places[i][1]);
          const [right, top] = place(style.places[i][2], tops[i] ?? style.places[i][1]);
          bar.setAttribute("x", Math.min(left, right));
          bar.setAttribute("width", Math.abs(right - left));
          bar.setAttribute("y", Math.min(top, base));
          bar.setAttribute("height", Math.abs(base - top));
        });
      };
    },

    text: (group, style, place) => {
      const anchor = { left: "start", center: "middle", right: "end" }[style.across];
      const baseline = { center: "central", center_baseline: "central", top: "hanging" }[style.up] ?? "auto";
      const look = { fill: style.fill, "font-size": style.size, "text-anchor": anchor, "dominant-baseline": baseline };
      const halo = style.halo
        ? { stroke: style.halo.stroke, "stroke-width": style.halo.width, "paint-order": "stroke", "stroke-linejoin": "round" }
        : {};
      const text = make("text", { ...look, ...halo, "font-weight": style.weight }, group);
      return (value) => {
        const flat = value.at ?? style.at;
        const [point] = points(flat, place);
        text.textContent = point ? value.text : "";
        if (!point) return;
        text.setAttribute("x", point[0] + (style.offset?.[0] ?? 0));
        text.setAttribute("y", point[1] + (style.offset?.[1] ?? 0));
      };
    },
  };

  // ---- the stage ----

  helm.stages ??= {};
  helm.stages.numbers = (figure) => {
    const frame = figure.querySelector(".helm-stage");
    const picture = figure.querySelector(".helm-still");
    const source = figure.querySelector("source");
    let loading = null;
    let data = null;
    let drawn = null; // the size that the overlay is drawn for
    let artists = [];
    let hidden = new Set();
    let surfaces = null; // set once the controls may be moved
    let rolling = 0;
    let last = null; // the setting that was shown before

    const load = () => (loading ??= unpack(figure.querySelector(".helm-data").textContent).then((read) => (data = read)));
    const lookUp = ({ depends, index, table }, at) =>
      table[index[helm.position(depends.map((k) => at[k]), depends.map((k) => data.sizes[k]))]];

    const sizeNow = () => (data.stages.length > 1 && helm.narrow.matches ? 1 : 0);

    const set = () => {
      const size = sizeNow();
      if (drawn === size) return;
      drawn = size;
      frame.querySelectorAll(".helm-overlay, .helm-drag").forEach((old) => old.remove());
      const { width, height, boxes } = data.stages[size];
      const svg = make("svg", { class: "helm-overlay", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, frame);
      boxes.forEach(([x, y, w, h], i) => {
        const clip = make("clipPath", { id: `${figure.id}-box-${i}` }, svg);
        make("rect", { x, y, width: w, height: h }, clip);
      });
      artists = data.artists.map(({ name, axes, style, track, rolling: rolls, gliding: glides }) => {
        const clip = style.clip === false ? null : `url(#${figure.id}-box-${axes})`;
        const whole = ["image", "polygon", "polygons", "bars"].includes(style.kind); // the others see to it themselves
        const look = { "data-artist": name, opacity: style.alpha, "clip-path": whole ? clip : null };
        const group = make("g", look, svg);
        const draw = drawers[style.kind](group, style, placeIn(boxes[axes]), boxes[axes], clip);
        return { name, group, track, rolls, glides, draw };
      });
      data.stages.forEach(({ background }, i) => {
        const address = `data:image/webp;base64,${background}`;
        if (i) source.srcset = address;
        else picture.src = address;
      });
      if (surfaces) addSurfaces();
      figure.dataset.helmDrawn = size;
      figure.dispatchEvent(new Event("helm-drawn"));
    };

    // Whether one control that plays is one value on, or back, and all others are where they were.
    const stepped = (at) => {
      const off = [...at.keys()].filter((k) => at[k] !== last?.[k]);
      return last !== null && off.length === 1 && data.plays[off[0]] && Math.abs(at[off[0]] - last[off[0]]) === 1;
    };

    const show = (at, moved) => {
      set();
      cancelAnimationFrame(rolling);
      const rollers = [];
      const near = moved && !helm.still.matches && stepped(at);
      last = at;
      for (const artist of artists) {
        const { name, group, track, rolls, glides, draw } = artist;
        group.style.display = hidden.has(name) ? "none" : "";
        const value = lookUp(track, at);
        const rolled = moved && rolls && !helm.still.matches;
        const glided = near && glides && artist.shown !== undefined && artist.shown !== value;
        if (rolled) rollers.push([draw, value, ROLL, null]);
        else if (glided) rollers.push([draw, value, GLIDE, artist.shown]);
        else if (value !== artist.drawn) draw(value); // what stays is not drawn again
        artist.shown = value;
        artist.drawn = rolled || glided ? undefined : value;
      }
      if (!rollers.length) return;
      const began = performance.now();
      const roll = (now) => {
        const shares = rollers.map(([, , takes]) => Math.min(1, Math.max(0, now - began) / takes));
        rollers.forEach(([draw, value, , from], i) => draw(value, shares[i], from));
        if (Math.min(...shares) < 1) rolling = requestAnimationFrame(roll);
      };
      roll(began);
    };

    // Pressing or dragging in an axes sets the controls to the values nearest to the pointer.
    const addSurfaces = () => {
      const { width, height, boxes } = data.stages[drawn];
      for (const { axes, across, up } of data.drags) {
        const [x, y, w, h] = boxes[axes];
        const surface = document.createElement("div");
        const names = [across, up].filter(Boolean).map(({ control }) => data.labels[control]);
        Object.assign(surface, { className: "helm-drag", tabIndex: 0 });
        surface.setAttribute("role", "application");
        surface.setAttribute("aria-label", `Press or drag in the picture, or use the arrow keys, to set ${names.join(" and ")}`);
        Object.assign(surface.style, {
          left: `${(100 * x) / width}%`, top: `${(100 * y) / height}%`,
          width: `${(100 * w) / width}%`, height: `${(100 * h) / height}%`,
          touchAction: across && up ? "none" : across ? "pan-y" : "pan-x",
        });
        const nearest = (stops, place) =>
          stops.reduce((best, stop, i) => (Math.abs(stop - place) < Math.abs(stops[best] - place) ? i : best), 0);
        const aim = (event) => {
          const box = surface.getBoundingClientRect();
          const pairs = [];
          if (across) pairs.push([across.control, nearest(across.stops, (event.clientX - box.left) / box.width)]);
          if (up) pairs.push([up.control, nearest(up.stops, 1 - (event.clientY - box.top) / box.height)]);
          surfaces.set(pairs);
        };
        surface.addEventListener("pointerdown", (event) => {
          if (event.button) return;
          surface.setPointerCapture(event.pointerId);
          aim(event);
        });
        surface.addEventListener("pointermove", (event) => surface.hasPointerCapture(event.pointerId) && aim(event));
        surface.addEventListener("keydown", (event) => {
          const ways = { ArrowRight: [across, 1], ArrowLeft: [across, -1], ArrowUp: [up, 1], ArrowDown: [up, -1] };
          const [along, by] = ways[event.key] ?? [];
          if (!along) return;
          event.preventDefault();
          const { control, stops } = along;
          const rising = stops[stops.length - 1] > stops[0] ? 1 : -1;
          const index = surfaces.read()[control] + by * rising;
          if (index >= 0 && index < stops.length) surfaces.set([[control, index]]);
        });
        frame.append(surface);
      }
    };

    return {
      load,
      show,
      drawsAtOnce: true, // the overlay takes the still's place before anything is moved
      caption: (at) => lookUp(data.captions, at),
      captions: () => data.captions.table,
      // Whether nothing changes any more at all later values of a control: its player may stop.
      settled: (at, k) => {
        const tracks = [data.captions, ...data.artists.map(({ track }) => track)];
        const then = (i) => at.map((now, other) => (other === k ? i : now));
        const later = data.texts[k].map((_, i) => i).filter((i) => i > at[k]);
        return later.every((i) => tracks.every((track) => lookUp(track, then(i)) === lookUp(track, at)));
      },
      dependsOn: (name) => data.artists.find((artist) => artist.name === name).track.depends,
      hide: (names) => (hidden = new Set(names)),
      open: (setControls, read) => {
        surfaces = { set: setControls, read };
        if (drawn !== null) addSurfaces();
      },
      // The axes' boxes of the size shown, and the overlay: for a sketch.
      overlay: () => ({ ...data.stages[drawn], svg: frame.querySelector(".helm-overlay"), frame }),
    };
  };
})();
