import { defaultLimits as limits } from "@triptych/model";
import { encodeForTests, varint } from "./otlp/encode-for-tests.ts";
import { decodeOtlpTraces, decodeOtlpLogs, decodeOtlpMetrics } from "./index.ts";
const MiB=1<<20;
function run(name:string, gen:Generator<void,any>){ const t0=performance.now(); let worst=0,n=0,res=""; const m0=process.memoryUsage().arrayBuffers; 
 for(;;){const t=performance.now(); let s; try{s=gen.next();}catch(e:any){res=(e.code??e.name)+" "+e.message.slice(0,80); worst=Math.max(worst,performance.now()-t); break;} worst=Math.max(worst,performance.now()-t); n++; if(s.done){res=`rows ${s.value.batch.rows} rejected ${s.value.rejected} ${s.value.reason}`;break;}}
 console.log(name.padEnd(42),`${(performance.now()-t0).toFixed(0)}ms worst ${worst.toFixed(0)}ms steps ${n} mem+${((process.memoryUsage().arrayBuffers-m0)/MiB).toFixed(0)}MiB ${res}`);}
const wrap=(payload:Uint8Array,...fields:number[])=>{let p=payload;for(const f of fields.reverse()){const h=[...varint(BigInt(f*8+2)),...varint(BigInt(p.length))];const o=new Uint8Array(h.length+p.length);o.set(h);o.set(p,h.length);p=o;}return p;};
const rep=(pat:number[],size:number)=>{const o=new Uint8Array(Math.floor(size/pat.length)*pat.length);for(let i=0;i<o.length;i++)o[i]=pat[i%pat.length]!;return o;};
const T=(b:Uint8Array)=>decodeOtlpTraces(b,"protobuf",{limits}),L=(b:Uint8Array,e:any="protobuf")=>decodeOtlpLogs(b,e,{limits,arrivalNs:1n}),M=(b:Uint8Array,e:any="protobuf")=>decodeOtlpMetrics(b,e,{limits,nowMs:1.8e12});
const S=64*MiB;
run("empty resources",T(rep([0x0a,0],S)));
run("empty scopes",T(wrap(rep([0x12,0],S),1)));
run("resource parts",T(wrap(rep([0x0a,0],S),1)));
run("empty spans",T(wrap(rep([0x12,0],S),1,2)));
run("unknown fields in a span",T(wrap(rep([0x80,0x01,0],S),1,2,2)));
run("events in a span",T(wrap(rep([0x5a,0],S),1,2,2)));
run("attributes in a span",T(wrap(rep([0x4a,0],S),1,2,2)));
run("resource attrs",T(wrap(wrap(rep([0x0a,0],S),1),1)));
run("array nulls in body",L(wrap(rep([0x0a,0],S),1,2,2,5,5)));
run("map empties in body",L(wrap(rep([0x0a,0],S),1,2,2,5,6)));
run("metrics empty",M(wrap(rep([0x12,0],S),1,2)));
run("gauge empty points",M(wrap(rep([0x0a,0],S),1,2,2,5)));
run("exemplars",M(wrap(rep([0x2a,0],S),1,2,2,5,1)));
run("hist buckets",M(wrap(rep([1,0,0,0,0,0,0,0],S),1,2,2,9,1,6)));
run("metric name 64M",M(wrap(rep([0x61,0x2e],S),1,2,2,1)));
{const attrs=Array.from({length:60},(_,i)=>({key:"a".repeat(i%3+1)+"."+i,value:{stringValue:"v"+i}}));
 const dp={timeUnixNano:"1700000000000000000",count:"5",attributes:attrs,bucketCounts:Array(1000).fill("1"),explicitBounds:Array.from({length:999},(_,i)=>i)};
 const one=encodeForTests("Metrics",{resourceMetrics:[{scopeMetrics:[{metrics:[{name:"h",histogram:{aggregationTemporality:2,dataPoints:[dp]}}]}]}]});
 const b=new Uint8Array(one.length*200);for(let i=0;i<200;i++)b.set(one,i*one.length);
 run("hist 60 labels x1000 buckets x200 "+(b.length/MiB).toFixed(1)+"MiB",M(b));}
const J=(a:string,pat:string,z:string)=>new TextEncoder().encode(a+pat.repeat(Math.floor(S/pat.length))+z);
run("json ws",L(J("{"," ","}"),"json"));
run("json long unknown string",L(J('{"a":"',"x",'"}'),"json"));
run("json escapes body",L(J('{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"',"\\n",'"}}]}]}]}'),"json"));
run("json unknown array",L(J('{"a":[',"1,",'1]}'),"json"));
run("json empty resources",L(J('{"resourceLogs":[',"{},",'{}]}'),"json"));
run("json records",L(J('{"resourceLogs":[{"scopeLogs":[{"logRecords":[',"{},",'{}]}]}]}'),"json"));
run("json array body",L(J('{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"arrayValue":{"values":[',"{},",'{}]}}}]}]}]}'),"json"));
run("json long number",L(J('{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":1',"0",'}]}]}]}'),"json"));
run("json long double",M(J('{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{"asDouble":1',"0",'}]}}]}]}]}'),"json"));
// speed
{const dps=Array.from({length:5000},(_,i)=>({timeUnixNano:"1700000000000000000",startTimeUnixNano:"1600000000000000000",asInt:String(i),attributes:[{key:"http.route",value:{stringValue:"/r/"+i%50}},{key:"status",value:{intValue:String(i%5)}},{key:"pod",value:{stringValue:"pod-"+i}}]}));
 const b=encodeForTests("Metrics",{resourceMetrics:[{resource:{attributes:[{key:"service.name",value:{stringValue:"a"}}]},scopeMetrics:[{metrics:[{name:"g",gauge:{dataPoints:dps}}]}]}]});
 for(let r=0;r<4;r++){const t=performance.now();for(let i=0;i<20;i++){const g=M(b);while(!g.next().done);}console.log("points/s",Math.round(100000/(performance.now()-t)*1000), b.length/5000);}}
{const rec=Array.from({length:5000},(_,i)=>({timeUnixNano:"1700000000000000000",severityNumber:9,severityText:"INFO",body:{stringValue:`request ${i} served in ${i%100} ms by handler orders with status 200`},attributes:[1,2,3,4,5,6,7].map(k=>({key:"attr.key."+k,value:{stringValue:"value-"+k*i}}))}));
 const b=encodeForTests("Logs",{resourceLogs:[{scopeLogs:[{logRecords:rec}]}]});
 for(let r=0;r<4;r++){const t=performance.now();for(let i=0;i<20;i++){const g=L(b);while(!g.next().done);}console.log("lines/s",Math.round(100000/(performance.now()-t)*1000), b.length/5000);}}
