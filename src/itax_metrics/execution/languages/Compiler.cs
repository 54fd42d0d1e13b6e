using System;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text;

/// <summary>Has mcs compile one source after another inside one process; never loads an assembly it has made.</summary>
public static class Compiler
{
    static readonly Stream In = Console.OpenStandardInput();
    static readonly Stream Out = Console.OpenStandardOutput();

    static byte[] Exactly(int size)
    {
        var bytes = new byte[size];
        for (int have = 0; have < size;)
        {
            int more = In.Read(bytes, have, size - have);
            if (more <= 0)
                return null;
            have += more;
        }
        return bytes;
    }

    static byte[] Part()
    {
        byte[] size = Exactly(4);
        return size == null ? null : Exactly(size[0] << 24 | size[1] << 16 | size[2] << 8 | size[3]);
    }

    static void Count(Stream to, int count)
    {
        to.Write(new[] { (byte)(count >> 24), (byte)(count >> 16), (byte)(count >> 8), (byte)count }, 0, 4);
    }

    static void Part(Stream to, byte[] bytes)
    {
        Count(to, bytes.Length);
        to.Write(bytes, 0, bytes.Length);
    }

    public static void Main(string[] arguments)
    {
        // The entry point mcs offers for exactly this: it forgets its state after every call.
        MethodInfo compile = Assembly.LoadFrom(arguments[0])
            .GetType("Mono.CSharp.CompilerCallableEntryPoint", true)
            .GetMethod("InvokeCompiler");
        Console.SetOut(TextWriter.Null);
        string[] flags = arguments.Skip(1).ToArray();
        string place = Path.GetTempPath();
        while (true)
        {
            byte[] name = Part(), text = name == null ? null : Part();
            if (text == null)
                return;
            string source = Path.Combine(place, Encoding.UTF8.GetString(name));
            string target = Path.ChangeExtension(source, ".exe");
            File.WriteAllBytes(source, text);
            var complaints = new StringWriter();
            bool done;
            try
            {
                string[] wanted = flags.Concat(new[] { "-out:" + target, source }).ToArray();
                done = (bool)compile.Invoke(null, new object[] { wanted, complaints });
            }
            catch (TargetInvocationException error)
            {
                complaints.Write("error: the compiler failed: " + error.InnerException.Message);
                done = false;
            }
            var answer = new MemoryStream();
            answer.WriteByte((byte)(done && File.Exists(target) ? 1 : 0));
            if (done && File.Exists(target))
            {
                Count(answer, 1);
                Part(answer, Encoding.UTF8.GetBytes(Path.GetFileName(target)));
                Part(answer, File.ReadAllBytes(target));
            }
            else
            {
                Part(answer, Encoding.UTF8.GetBytes(complaints.ToString()));
            }
            File.Delete(source);
            File.Delete(target);
            answer.WriteTo(Out);
            Out.Flush();
        }
    }
}
